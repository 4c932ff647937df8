"""An input file becomes requests: bytes, lines, rows, requests, and the problems that were found on the way.

`file_plan` is the entry: it reads the whole file and sends nothing.
Not here: anything that talks to the API or writes a file.
"""
