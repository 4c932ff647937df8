"""The commands: name, options and help (`main`, `bulk`, `shared_options`), and the commands that make one call.

Not here: reading a file (`reading`), sending a file (`sending`), campaigns (`cli.bulk`).
A new option of several commands goes into `shared_options`.
"""
