"""The messages that the sandbox accepted, and what is computed from them: delivery, parts, country, encoding.

HTTP and field rules are in `api`, delivery receipts in `webhooks`. A new field of a stored message belongs in
`message`.
"""
