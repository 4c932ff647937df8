"""What happens to messages after a run: look up those in doubt, cancel those still scheduled.

Nothing here sends a message.
"""
