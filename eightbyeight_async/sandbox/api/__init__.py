"""The operations of the two hosts: routes, field rules, responses.

`request_pipeline` is the way of every request; `sms` and `chatapps` list the operations of each host.
Not here: log exports (`export`), stored messages (`messages`), faults (`control`).
"""
