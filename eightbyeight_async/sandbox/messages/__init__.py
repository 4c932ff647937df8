"""The messages that the sandbox accepted, and what is computed from them: delivery, parts, country, encoding.

Not here: HTTP and field rules (`api`), delivery receipts (`webhooks`).
A new field of a stored message goes into `message`.
"""
