"""Turns an input file into checked requests, and collects the problems it finds: bytes, lines, rows, requests.

`file_plan` is the entry point: it reads the whole file and sends nothing. Nothing here calls the API. The only files
written here are those of `--bad-rows` and `--problems`, and temporary copies of the input.
"""
