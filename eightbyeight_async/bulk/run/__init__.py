"""One run of a campaign: input in pages, one POST a message or a batch, the rate, retries after a 429.

`judging` decides what an error means for a message; `store` writes the journal.
"""
