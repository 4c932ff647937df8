"""The SMS host: send one message, send a batch, and the list of all its operations (`OPERATIONS`).

- A single message that breaks a rule: the request is refused with HTTP 400 and a code.
- A message of a batch that breaks a rule: that message is REJECTED inside a response of 200.
- A message of a batch whose JSON has the wrong shape: the whole batch is refused with 400 and code 1000.
- A batch whose own fields or template break a rule: the whole batch is refused.
"""

from typing import Any

from eightbyeight_async.sandbox.api import account as account_api
from eightbyeight_async.sandbox.api.batch_items import batch_step
from eightbyeight_async.sandbox.api.cancel_scheduled import cancel, cancel_batch, require_tls13
from eightbyeight_async.sandbox.api.message_details import details
from eightbyeight_async.sandbox.api.operation_results import JSONObject, Refusal, new_id, new_ids
from eightbyeight_async.sandbox.api.received_call import Operation, ReceivedCall, Step
from eightbyeight_async.sandbox.api.record_feedback import feedback
from eightbyeight_async.sandbox.api.sms_rules import (
    check_ip,
    check_length,
    check_sms,
    check_sms_template,
    check_url,
    flag,
    require_object,
    string,
)
from eightbyeight_async.sandbox.export import operations as export_api
from eightbyeight_async.sandbox.messages.message import MessageState, SandboxMessage

# No subscriber has a number with this prefix: the ITU reserves the country code 999.
REJECTED_PREFIX = "+999"

MAX_BATCH = 10_000
MAX_CLIENT_BATCH_ID = 20
_QUEUED = {"code": "QUEUED", "description": "accepted, waits for processing"}
_REJECTED_DESTINATION = "the destination cannot be served"
_INVALID_NUMBER = 1002


def send(call: ReceivedCall) -> Step:
    """POST .../messages"""
    body = require_object(call.body, "the body is not a JSON object")
    message = _message(call, body, body, new_id())
    require_tls13(call, [message])

    def commit() -> JSONObject:
        call.store.add([message])
        return _response(message)

    return Step(commit=commit, destinations=(message.destination,))


def send_batch(call: ReceivedCall) -> Step:
    """POST .../messages/batch"""
    body = require_object(call.body, "the body is not a JSON object")
    client_batch_id = check_length(string(body, "clientBatchId"), MAX_CLIENT_BATCH_ID, 1008, "clientBatchId")
    check_ip(string(body, "clientIp"))
    include = flag(body, "includeMessagesInResponse")
    template = _template(call, body)
    batch_id = new_id()
    shared = {name: value for name, value in template.items() if value is not None}
    items = _items(body, template)
    messages: list[SandboxMessage] = []
    for umid, item in zip(new_ids(len(items)), items, strict=True):
        asked = _overlaid(shared, item)
        try:
            message = _message(call, asked, item, umid, batch_id, client_batch_id)
        except Refusal as refusal:
            if refusal.code == 1000:
                raise
            message = _refused(call, asked, item, umid, batch_id, client_batch_id, refusal)
        messages.append(message)
    require_tls13(call, messages)

    def message_results() -> list[JSONObject]:
        return [_response(message) for message in messages]

    return batch_step(call, batch_id, client_batch_id, messages, message_results if include else None)


def _overlaid(shared: JSONObject, item: JSONObject) -> JSONObject:
    """The batch's template, overridden by the message's own fields; a null counts as absent."""
    own = {name: value for name, value in item.items() if value is not None} if None in item.values() else item
    return {**shared, **own} if shared else own


def _template(call: ReceivedCall, body: JSONObject) -> JSONObject:
    if body.get("template") is None:
        return {}
    template = require_object(body["template"], "template is not an object", 1007)
    check_sms_template(template, call.now)
    return template


def _items(body: JSONObject, template: JSONObject) -> list[JSONObject]:
    """The batch's `messages`; if it has none, one message for each of its `destinations`."""
    name = "messages" if body.get("messages") is not None else "destinations"
    listed: Any = body.get(name)
    if listed is None:
        raise Refusal(1000, "neither messages nor destinations")
    if not isinstance(listed, list):
        raise Refusal(1000, f"{name} is not an array")
    if not listed:
        raise Refusal(1010, f"{name} is empty")
    if len(listed) > MAX_BATCH:
        raise Refusal(1100, f"a batch has at most {MAX_BATCH} messages")
    if name == "messages":
        return [require_object(item, "a message is not an object") for item in listed]
    if not all(isinstance(item, str) for item in listed):
        raise Refusal(1000, "a destination is not a string")
    if template.get("text") is None:
        raise Refusal(1007, "destinations need a template with a text")
    return [{"destination": item} for item in listed]


def _message(
    call: ReceivedCall,
    asked: JSONObject,
    received: JSONObject,
    umid: str,
    batch_id: str | None = None,
    client_batch_id: str | None = None,
) -> SandboxMessage:
    fields = check_sms(asked, call.now)
    state: MessageState = "queued" if fields.scheduled is None else "scheduled"
    rejected = call.rejects(fields.destination)
    return SandboxMessage(
        umid=umid,
        product=call.product,
        subaccount_id=call.subaccount_id,
        destination=fields.destination,
        state="rejected" if rejected else state,
        accepted_at=call.now,
        text=fields.text,
        source=fields.source,
        batch_id=batch_id,
        client_message_id=fields.client_message_id,
        client_batch_id=client_batch_id,
        encoding=fields.encoding,
        country=fields.country,
        scheduled=fields.scheduled,
        expiry=fields.expiry,
        dlr_callback_url=fields.dlr_callback_url,
        track=fields.track,
        error_code=_INVALID_NUMBER if rejected else None,
        error_message=_REJECTED_DESTINATION if rejected else None,
        body=received,
    )


def _refused(
    call: ReceivedCall,
    asked: JSONObject,
    received: JSONObject,
    umid: str,
    batch_id: str,
    client_batch_id: str | None,
    refusal: Refusal,
) -> SandboxMessage:
    """Returns a batch's message that breaks a rule, to be stored as rejected, with its readable fields."""
    encoding = asked.get("encoding")
    return SandboxMessage(
        umid=umid,
        product=call.product,
        subaccount_id=call.subaccount_id,
        destination=asked.get("destination") or "",
        state="rejected",
        accepted_at=call.now,
        text=asked.get("text"),
        source=asked.get("source"),
        batch_id=batch_id,
        client_message_id=asked.get("clientMessageId"),
        client_batch_id=client_batch_id,
        encoding=encoding if encoding in ("GSM7", "UCS2") else "AUTO",
        dlr_callback_url=_usable(asked.get("dlrCallbackUrl")),
        error_code=refusal.code,
        error_message=refusal.reason,
        body=received,
    )


def _usable(url: str | None) -> str | None:
    try:
        return check_url(url, 1000, "dlrCallbackUrl")
    except Refusal:
        return None


def _response(message: SandboxMessage) -> JSONObject:
    """The SmsResponse of one message."""
    response: JSONObject = {
        "umid": message.umid,
        "destination": message.destination,
        "encoding": message.encoding,
        "status": _QUEUED if message.state != "rejected" else _rejected(message),
    }
    if message.client_message_id is not None:
        response["clientMessageId"] = message.client_message_id
    return response


def _rejected(message: SandboxMessage) -> JSONObject:
    return {"code": "REJECTED", "description": message.error_message}


OPERATIONS: dict[str, Operation] = {
    "send": send,
    "send_batch": send_batch,
    "cancel": cancel,
    "cancel_batch": cancel_batch,
    "details": details,
    "feedback": feedback,
    **export_api.OPERATIONS,
    **account_api.OPERATIONS,
}
