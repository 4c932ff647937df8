"""What the sandbox POSTs to callback URLs: delivery receipts and inbound messages.

`receipt_queue` decides what is due and when, `callback_poster` sends it, `callback_bodies` writes the JSON.
Not here: the delivery state that a receipt reports (`messages.delivery_status`).
"""
