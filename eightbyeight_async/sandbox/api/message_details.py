"""GET .../messages/{umid}: the details of one message, with phone number and text masked.

- An unknown umid gets HTTP 404 with code 1300; a umid that is not a UUID gets 400 with 1000. Both are documented.
- ChatApps returns a list with one entry for each channel that was tried. It has several entries only if no channel
  delivered the message.
"""

from dataclasses import replace

from eightbyeight_async.sandbox.api.operation_results import JSONObject, Refusal, status_timestamp
from eightbyeight_async.sandbox.api.received_call import ReceivedCall, Step
from eightbyeight_async.sandbox.api.sms_rules import SERVER_ID
from eightbyeight_async.sandbox.messages.countries import international, masked_msisdn, place_of
from eightbyeight_async.sandbox.messages.delivery_status import LoggedStatus
from eightbyeight_async.sandbox.messages.message import SandboxMessage
from eightbyeight_async.sandbox.messages.part_count import parts_of, price_of

MASKED = "**MASKED**"
DEFAULT_CHANNEL = "WhatsApp"  # the sub-account's channel, for a ChatApps message without a channel


def details(call: ReceivedCall) -> Step:
    umid = call.target.lower()
    if not SERVER_ID.fullmatch(umid):
        raise Refusal(1000, "umid is not a UUID")
    message = call.store.find(call.product, call.subaccount_id, umid)
    if message is None:
        raise Refusal(1300, "no message has this umid", status=404)
    status = logged_status(call, message)
    body = _sms(message, status) if call.product == "sms" else {"data": _attempts(message, status)}
    return Step(commit=lambda: body, looks_up=umid)


def logged_status(call: ReceivedCall, message: SandboxMessage) -> LoggedStatus:
    return as_logged(call.deliveries.status(message, call.now))


def as_logged(status: LoggedStatus) -> LoggedStatus:
    """Returns the status as details and log show it: "failed" if a receipt shows "rejected"."""
    return replace(status, state="failed") if status.state == "rejected" else status


def _sms(message: SandboxMessage, status: LoggedStatus) -> JSONObject:
    number = international(message.destination, message.country)
    parts = parts_of(message)
    return _present(
        {
            "umid": message.umid,
            "subAccountId": message.subaccount_id,
            "direction": "outbound",
            "country": place_of(number, message.country).country or None,
            "status": status.as_json(),
            "msisdn": masked_msisdn(number),
            "source": message.source or "",
            "body": MASKED,
            "encoding": message.encoding,
            "createdAt": status_timestamp(message.accepted_at),
            "smsCount": parts,
            "price": price_of(parts),
            **_ids(message),
        }
    )


def _attempts(message: SandboxMessage, status: LoggedStatus) -> list[JSONObject]:
    channels = message.channels or (DEFAULT_CHANNEL,)
    tried = channels if status.state == "undelivered" else channels[:1]
    number = international(message.destination, message.country)
    return [
        _present(
            {
                "umid": message.umid,
                "subAccountId": message.subaccount_id,
                "channel": channel,
                "channelId": channel_id(channel),
                "direction": "outbound",
                "country": place_of(number, message.country).country or None,
                "status": status.as_json(),
                "user": {"msisdn": masked_msisdn(number)},
                "contentType": (message.content_type or "text").capitalize(),
                "content": MASKED,
                "createdAt": status_timestamp(message.accepted_at),
                **_ids(message),
                "step": step,
            }
        )
        for step, channel in enumerate(tried, 1)
    ]


def channel_id(channel: str) -> str:
    """A made-up UUID, the same for every message of the channel."""
    return f"8e4d1303-5754-4911-8154-{channel.lower().encode().hex()[:12]:0<12}"


def _ids(message: SandboxMessage) -> JSONObject:
    return {
        "clientMessageId": message.client_message_id,
        "clientBatchId": message.client_batch_id,
        "batchId": message.batch_id,
    }


def _present(fields: JSONObject) -> JSONObject:
    return {name: value for name, value in fields.items() if value is not None}
