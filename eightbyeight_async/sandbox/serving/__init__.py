"""The running server: the class `Sandbox`, its thread, its listeners, its certificates.

Not here: what a request means (`api`), what was accepted (`messages`).
Tests look at a running sandbox through `control`.
"""
