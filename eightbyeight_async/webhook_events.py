"""Reading a webhook's body: bytes in, an event out. Pure.

Rules:
- The Authorization header is checked before the body is read.
- An event of an unknown type, or without a type, is an `UnknownEvent`, not an error: 8x8 posts some events without
  `eventType` (an answer of SMS Engage, an older flat receipt), and an event that gets HTTP 400 is lost.
- Upper and lower case of a namespace do not matter.
- An optional field that cannot be read is None, not an error.
- An error names the JSON path of a bad value and never shows the value.
"""

from __future__ import annotations

import hmac
import re
from typing import Any, cast

import attrs

from eightbyeight_async import wire
from eightbyeight_async.errors import EightByEightError, InvalidRequestError
from eightbyeight_async.frame_privacy import private_call
from eightbyeight_async.models.webhooks import DeliveryReceipt, InboundMessage, Namespace, UnknownEvent

__all__ = ["MAX_BODY", "WebhookAuthorizationError", "WebhookError", "parse"]

# Bytes. A receipt is under 1 KB, and an inbound message does not include its media, so a larger body is not from 8x8.
MAX_BODY = 1024 * 1024


class WebhookError(EightByEightError):
    """The body of a webhook is not an event. Respond with HTTP 400.

    `sent` is `Sent.NO`, because the error is not about one of your calls.

    Attributes:
        reason: what is wrong, with the JSON path but without the value.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class WebhookAuthorizationError(WebhookError):
    """The `Authorization` header is missing or not the expected one. Respond with HTTP 401. The body was not read."""


@private_call
def parse(
    body: bytes,
    *,
    authorization: str | bytes | None = None,
    expected_authorization: str | bytes | None = None,
    max_size: int = MAX_BODY,
) -> DeliveryReceipt | InboundMessage | UnknownEvent:
    """Read the event that 8x8 POSTed to your callback URL.

    8x8 does not sign webhooks. It can send a static `Authorization` header that you configure with the webhook. Check
    that header or the sender's address: otherwise anybody who knows the URL can send you events.

    Args:
        body: the request body, as bytes.
        authorization: the whole `Authorization` header of the request, as a string or as raw bytes (ASGI); None if
            there is none.
        expected_authorization: the header value that you configured at 8x8, e.g. `Bearer 9QQhlsEb8VY`. It is compared
            in constant time. None for no check.
        max_size: the most bytes of a body; a larger one is refused without parsing it.

    Returns:
        `DeliveryReceipt` and `InboundMessage` for both products; `UnknownEvent` for any other event.

    Raises:
        WebhookAuthorizationError: the header is not the expected one.
        WebhookError: the body is too large, is not a JSON object, or is a broken event (e.g. a receipt without umid or
            state).
        InvalidRequestError: `body` is not bytes, an authorization is neither a string nor bytes, or
            `expected_authorization` is empty, e.g. because an environment variable is not set.
    """
    if expected_authorization is not None:
        _check_authorization(authorization, expected_authorization)
    if not isinstance(body, bytes | bytearray):
        raise InvalidRequestError("body", f"must be the bytes of the request, not {type(body).__name__}")
    if len(body) > max_size:
        raise WebhookError(f"the body is larger than {max_size} bytes")
    try:
        return _event(wire.load(bytes(body)))
    except wire.UnreadableError as unreadable:
        raise WebhookError(str(unreadable)) from None


@attrs.frozen(kw_only=True)
class _Envelope:
    event_type: str | None = None
    namespace: str | None = None


@attrs.frozen(kw_only=True)
class _Receipt:
    namespace: str
    payload: DeliveryReceipt


@attrs.frozen(kw_only=True)
class _Inbound:
    namespace: str
    payload: InboundMessage


_KINDS: dict[str, type[_Receipt | _Inbound]] = {
    "outbound_message_status_changed": _Receipt,
    "inbound_message_received": _Inbound,
}
_DIGITS = re.compile(r"[0-9]{1,9}")  # a number of parts in quotes
_NAMESPACES = frozenset(namespace.value.casefold() for namespace in Namespace)


def _event(data: object) -> DeliveryReceipt | InboundMessage | UnknownEvent:
    if data is None:
        return UnknownEvent(event_type=None, raw={})
    envelope = wire.structure(data, _Envelope)
    data = cast("dict[str, Any]", data)  # the envelope was read from it, so it is an object
    kind = None if envelope.event_type is None else _KINDS.get(envelope.event_type)
    # A known type without a readable namespace is not an UnknownEvent: it is a broken event of that type.
    if kind is None or (envelope.namespace is not None and envelope.namespace.casefold() not in _NAMESPACES):
        return UnknownEvent(event_type=envelope.event_type, namespace=envelope.namespace, raw=data)
    payload = data.get("payload")
    if isinstance(payload, dict):
        # The models need the namespace, which is outside the payload.
        payload = {**payload, "namespace": envelope.namespace}
        count = payload.get("smsCount")
        if isinstance(count, str) and _DIGITS.fullmatch(count):
            payload["smsCount"] = int(count)
        data = {**data, "payload": payload}
    event = wire.structure(data, kind).payload
    if not event.umid:
        raise WebhookError("payload.umid must not be empty")
    return event


def _check_authorization(given: str | bytes | None, expected: str | bytes) -> None:
    for name, value in (("authorization", "" if given is None else given), ("expected_authorization", expected)):
        if not isinstance(value, str | bytes):
            raise InvalidRequestError(name, f"must be a string or bytes, not {type(value).__name__}")
    if not expected:
        raise InvalidRequestError("expected_authorization", "must not be empty; None means that nothing is checked")
    wanted = expected if isinstance(expected, bytes) else expected.encode("utf-8", "surrogatepass")
    # Web servers decode header bytes as Latin-1 (RFC 9110, 5.5), even if the sender encoded the value as UTF-8.
    text = given.decode("latin-1") if isinstance(given, bytes) else given or ""
    # Both comparisons are always made, and compare_digest takes the same time for all wrong values.
    same = hmac.compare_digest(text.encode("utf-8", "surrogatepass"), wanted)
    same |= hmac.compare_digest(text.encode("latin-1", "backslashreplace"), wanted)
    if not same:
        problem = "is missing" if given is None else "is not the expected one"
        raise WebhookAuthorizationError(f"the Authorization header {problem}")
