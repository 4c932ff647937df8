"""Calls: the request of each operation, and the reading of its response. Pure: no clock, no socket.

One file for the operations of each product, `read_response` for every response.
Not here: models and their rules (`models`), sending a call (`exchange.py`).
"""
