"""Log exports: the operations, the jobs, the CSV columns, and the host that serves the files.

The state of a message in the log is in `messages.delivery_status`. A new column of the log belongs in `csv_columns`.
"""
