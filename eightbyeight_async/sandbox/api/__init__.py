"""The operations of the two hosts: routes, field rules, responses.

Every request goes through `request_pipeline`; `sms` and `chatapps` list the operations of each host.
Not here: log exports (`export`), stored messages (`messages`), faults (`control`).
"""
