"""One run of a campaign: input in pages, one POST a message or a batch, the rate, retries after a 429.

Not here: what an error means for a message (`judging`), what the journal contains (`store`).
"""
