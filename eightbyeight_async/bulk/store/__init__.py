"""The store of claims and outcomes: its interface, the SQLite journal, the thread that writes it.

Only this folder contains SQL. `journal_queries` reads a journal without a campaign. `judging` decides what a state
means.
"""
