"""The work of `send-each` and `send-batch`: sends a checked file, counts outcomes, writes one record per message.

`send_file` is the entry point. `reading` converts rows into requests; `cli.bulk` has the campaigns with a journal.
"""
