"""The report of a campaign: the figures of a journal, and the page and the plots that show them.

Nothing here changes a journal or asks 8x8, and nothing shows a phone number or a text.
"""
