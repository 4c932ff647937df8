"""`send-each` and `send-batch`: sends the requests of a checked file, counts the outcomes, writes one record a message.

`send_file` is the entry.
Not here: how a row becomes a request (`reading`), campaigns with a journal (`cli.bulk`).
"""
