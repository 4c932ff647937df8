"""Log exports: the operations, the jobs, the CSV columns, and the host that serves the files.

Not here: the state of a message in the log (`messages.delivery_status`).
A new column of the log goes into `csv_columns`.
"""
