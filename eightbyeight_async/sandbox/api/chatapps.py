"""The ChatApps host: send one message, send a batch, and the list of all its operations (`OPERATIONS`).

- The status has other fields than for SMS: {state, timestamp}, and {errorCode, errorMessage} if rejected.
- As on the SMS host, a single message that breaks a rule is refused with HTTP 400 and a 30xx code. In a batch, such
  a message is rejected inside a response of 200.
"""

from eightbyeight_async.sandbox.api.batch_items import batch_step
from eightbyeight_async.sandbox.api.cancel_scheduled import cancel, cancel_batch
from eightbyeight_async.sandbox.api.chatapps_rules import check_chatapps
from eightbyeight_async.sandbox.api.message_details import details
from eightbyeight_async.sandbox.api.operation_results import JSONObject, Refusal, new_id, status_timestamp
from eightbyeight_async.sandbox.api.received_call import Operation, ReceivedCall, Step
from eightbyeight_async.sandbox.api.sms_rules import check_length, flag, require_object, string
from eightbyeight_async.sandbox.messages.message import MessageState, SandboxMessage

MAX_BATCH = 10_000
MAX_CLIENT_BATCH_ID = 100
_UNSERVED = (3003, "the destination cannot be served")


def send(call: ReceivedCall) -> Step:
    """POST .../messages"""
    body = require_object(call.body, "the body is not a JSON object")
    message = _message(call, body, body)

    def commit() -> JSONObject:
        call.store.add([message])
        return _response(message, body)

    return Step(commit=commit, destinations=(message.destination,))


def send_batch(call: ReceivedCall) -> Step:
    """POST .../messages/batch"""
    body = require_object(call.body, "the body is not a JSON object")
    client_batch_id = check_length(string(body, "clientBatchId"), MAX_CLIENT_BATCH_ID, 3014, "clientBatchId")
    include = flag(body, "includeMessagesInResponse")
    template = require_object(body.get("template") or {}, "template is not an object")
    batch_id = new_id()
    items = _items(body)
    messages: list[SandboxMessage] = []
    for item in items:
        asked = {**template, **{name: value for name, value in item.items() if value is not None}}
        try:
            message = _message(call, asked, item, batch_id, client_batch_id)
        except Refusal as refusal:
            if refusal.code == 1000:
                raise
            message = _refused(call, item, batch_id, client_batch_id, refusal)
        messages.append(message)

    def message_results() -> list[JSONObject]:
        return [_response(message, item) for message, item in zip(messages, items, strict=True)]

    return batch_step(call, batch_id, client_batch_id, messages, message_results if include else None)


def _items(body: JSONObject) -> list[JSONObject]:
    listed = body.get("messages")
    if listed is None or listed == []:
        raise Refusal(3012, "messages are missing")
    if not isinstance(listed, list):
        raise Refusal(1000, "messages is not an array")
    if len(listed) > MAX_BATCH:
        raise Refusal(3013, f"a batch has at most {MAX_BATCH} messages")
    return [require_object(item, "a message is not an object") for item in listed]


def _message(
    call: ReceivedCall,
    asked: JSONObject,
    received: JSONObject,
    batch_id: str | None = None,
    client_batch_id: str | None = None,
) -> SandboxMessage:
    fields = check_chatapps(asked, call.now)
    state: MessageState = "queued" if fields.scheduled is None else "scheduled"
    rejected = call.rejects(fields.destination)
    return SandboxMessage(
        umid=new_id(),
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
        country=fields.country,
        scheduled=fields.scheduled,
        expiry=fields.expiry,
        dlr_callback_url=fields.dlr_callback_url,
        content_type=fields.content_type,
        channels=fields.channels,
        error_code=_UNSERVED[0] if rejected else None,
        error_message=_UNSERVED[1] if rejected else None,
        body=received,
    )


def _refused(
    call: ReceivedCall, item: JSONObject, batch_id: str, client_batch_id: str | None, refusal: Refusal
) -> SandboxMessage:
    user = item.get("user")
    msisdn = user.get("msisdn") if isinstance(user, dict) else None
    return SandboxMessage(
        umid=new_id(),
        product=call.product,
        subaccount_id=call.subaccount_id,
        destination=msisdn or "",
        state="rejected",
        accepted_at=call.now,
        batch_id=batch_id,
        client_message_id=item.get("clientMessageId"),
        client_batch_id=client_batch_id,
        error_code=refusal.code,
        error_message=refusal.reason,
        body=item,
    )


def _response(message: SandboxMessage, item: JSONObject) -> JSONObject:
    status: JSONObject = {"state": "queued", "timestamp": status_timestamp(message.accepted_at)}
    if message.state == "rejected":
        status |= {"state": "rejected", "errorCode": message.error_code, "errorMessage": message.error_message}
    response: JSONObject = {"umid": message.umid, "user": item.get("user") or {}, "status": status}
    if message.client_message_id is not None:
        response["clientMessageId"] = message.client_message_id
    return response


OPERATIONS: dict[str, Operation] = {
    "send": send,
    "send_batch": send_batch,
    "cancel": cancel,
    "cancel_batch": cancel_batch,
    "details": details,
}
