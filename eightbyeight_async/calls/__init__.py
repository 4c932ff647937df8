"""Calls: the request of each operation, and the reading of its response. Pure: no clock, no socket.

Each product has one file for its operations; `read_response` reads every response. Models and their rules are in
`models`; `exchange.py` sends a call.
"""
