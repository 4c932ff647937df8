"""Names, options and help of the commands (`main`, `bulk`, `shared_options`); the commands that make one call.

`reading` reads a file, `sending` sends a file, `cli.bulk` has the campaigns. An option that several commands share
belongs in `shared_options`.
"""
