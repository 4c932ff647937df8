"""What commands need from the terminal and the machine: progress and summaries on stderr, event loop, signals.

Only `display` imports rich.
Not here: what is counted (`sending.outcome_counts`), exit codes (`cli.exit_codes`).
"""
