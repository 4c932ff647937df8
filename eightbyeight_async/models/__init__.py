"""Requests, responses and webhook events as attrs classes: frozen, slotted, keyword-only, checked on construction.

Not here: how they become JSON (`wire.py`), which operation takes which (`calls`).
A rule for a field goes into `rules` (SMS and shared) or `chatapps_rules`.
"""
