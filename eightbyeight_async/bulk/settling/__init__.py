"""What happens to messages after a run: look up the messages in doubt, and cancel the messages that are still
scheduled.

Nothing here sends a message.
"""
