"""Turns an input file into checked requests, and collects the problems it finds: bytes, lines, rows, requests.

`file_plan` is the entry: it reads the whole file and sends nothing.
Not here: anything that talks to the API or writes a file.
"""
