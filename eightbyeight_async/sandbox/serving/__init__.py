"""The running server: the class `Sandbox`, its thread, its listeners, its certificates.

Not here: what a request means (`api`), what was accepted (`messages`).
What tests read and set on a running sandbox is in `control`.
"""
