"""Requests, responses and webhook events as attrs classes: frozen, slotted, keyword-only, checked on construction.

`wire.py` converts them to JSON; `calls` uses them in operations. A rule for a field belongs in `rules` (SMS and shared)
or `chatapps_rules`.
"""
