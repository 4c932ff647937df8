"""The journal: its file, its SQL, the thread that writes it, and reading it from outside a campaign.

Not here: what a state means (`judging`).
"""
