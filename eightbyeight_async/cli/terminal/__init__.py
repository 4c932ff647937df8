"""The terminal and the process: progress and summaries on stderr, the event loop, signals, the clock.

Only `display` imports rich. The counts are in `sending.outcome_counts`, the exit codes in `cli.exit_codes`.
"""
