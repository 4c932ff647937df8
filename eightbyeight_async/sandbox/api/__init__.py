"""The operations of the two hosts: routes, field rules, responses.

Every request goes through `request_pipeline`; `sms` and `chatapps` list the operations of each host. Log exports are in
`export`, stored messages in `messages`, faults in `control`.
"""
