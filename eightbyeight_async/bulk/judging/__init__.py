"""Pure decisions: which messages are the same, and what a response or an error means for a message.

No SQL, no clock, no event loop here.
"""
