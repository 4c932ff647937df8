"""What a test sets and reads: faults, clock, traffic counters, violations, a sandbox in another process.

Not here: what the API itself does (`api`).
`inspection` has the properties of `Sandbox` that tests read and set.
"""
