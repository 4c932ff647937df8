"""The sandbox's POSTs to callback URLs: delivery receipts and inbound messages.

`receipt_queue` decides what is due and when, `callback_poster` sends it, `callback_bodies` writes the JSON. The
delivery state in a receipt comes from `messages.delivery_status`.
"""
