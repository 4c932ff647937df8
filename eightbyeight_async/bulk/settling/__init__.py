"""What happens to messages after a run: messages in doubt are looked up, scheduled messages are cancelled.

Nothing here sends a message.
"""
