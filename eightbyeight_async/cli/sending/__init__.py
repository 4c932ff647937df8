"""The work of `send-each` and `send-batch`: sends a checked file, counts outcomes, writes one record per message.

`send_file` is the entry.
Not here: how a row becomes a request (`reading`), campaigns with a journal (`cli.bulk`).
"""
