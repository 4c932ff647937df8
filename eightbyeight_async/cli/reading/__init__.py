"""Turns an input file into checked requests, and collects the problems it finds: bytes, lines, rows, requests.

`file_plan` is the entry point: it reads the whole file and sends nothing. Code that calls the API or writes a file is
elsewhere.
"""
