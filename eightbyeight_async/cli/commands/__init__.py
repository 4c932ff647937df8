"""Names, options and help of the commands (`main`, `bulk`, `shared_options`); the commands that make one call.

Not here: reading a file (`reading`), sending a file (`sending`), campaigns (`cli.bulk`).
An option that several commands share goes into `shared_options`.
"""
