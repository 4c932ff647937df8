"""The parts that a test sets and reads: faults, clock, traffic counters, violations, a sandbox in another process.

The API's own behaviour is in `api`. `inspection` has the properties of `Sandbox` that tests read and set.
"""
