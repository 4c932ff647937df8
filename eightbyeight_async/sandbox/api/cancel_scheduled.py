"""Cancelling scheduled messages of both products, by umid (cancels 0 or 1) or by batch id (cancels 0 to all).

- An unknown umid gets HTTP 404 with code 1300; a umid that is not a UUID gets 400 with 1000. Both are documented.
- An unknown batch id gets 400 with 1008 (invalid id). The documents give no 404 for batches: only 400, 401, 426 and
  500. With a 200 and a count of 0, a mistyped id would look like a batch that was already sent.
"""

from eightbyeight_async.sandbox.api.operation_results import JSONObject, Refusal
from eightbyeight_async.sandbox.api.received_call import ReceivedCall, Step
from eightbyeight_async.sandbox.api.sms_rules import SERVER_ID, is_singapore
from eightbyeight_async.sandbox.messages.message import SandboxMessage


def require_tls13(call: ReceivedCall, messages: list[SandboxMessage]) -> None:
    """Refuse a request about SMS to Singapore unless it came over TLS 1.3: HTTP 426, code 1014."""
    if call.product == "sms" and call.tls_version not in ("", "TLSv1.3"):
        for message in messages:
            if is_singapore(message.destination, message.country):
                raise tls_refusal(call.tls_version)


def tls_refusal(tls_version: str) -> Refusal:
    return Refusal(
        1014,
        f"messages to Singapore need TLS 1.3, this came over {tls_version}",
        status=426,
        headers={"Upgrade": "TLS/1.3"},
    )


def cancel(call: ReceivedCall) -> Step:
    """DELETE .../messages/{umid}"""
    umid = call.target.lower()
    if not SERVER_ID.fullmatch(umid):
        raise Refusal(1000, "umid is not a UUID")
    message = call.store.find(call.product, call.subaccount_id, umid)
    if message is None:
        raise Refusal(1300, "no message has this umid", status=404)
    require_tls13(call, [message])
    return Step(commit=lambda: _count(call, [message]), cancels=umid)


def cancel_batch(call: ReceivedCall) -> Step:
    """DELETE .../messages/batch/{batchId}"""
    batch_id = call.target.lower()
    messages = call.store.find_batch(call.product, call.subaccount_id, batch_id)
    if messages is None:
        raise Refusal(1008, "no batch has this id")
    require_tls13(call, messages)
    return Step(commit=lambda: _count(call, messages), cancels=batch_id)


def _count(call: ReceivedCall, messages: list[SandboxMessage]) -> JSONObject:
    return {"cancelledCount": call.store.cancel(message.umid for message in messages)}
