"""What a test sets and reads: faults, clock, traffic counters, violations, a sandbox in another process.

Not here: what the API itself does (`api`).
`inspection` is the part of `Sandbox` that tests read.
"""
