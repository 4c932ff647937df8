"""The terminal and the process: progress and summaries on stderr, the event loop, signals, the clock.

Only `display` imports rich.
Not here: what is counted (`sending.outcome_counts`), exit codes (`cli.exit_codes`).
"""
