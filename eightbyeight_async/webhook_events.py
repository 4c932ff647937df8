"""A webhook's body, read: bytes in, an event out. Pure.

Rules:
- who may POST is decided before a byte of the body is looked at;
- an event of a kind nobody here knows is an event, not an error;
- nor is one of whose fields an optional one cannot be read: that field is None;
- rubbish is named by its JSON path and never shown.
"""

from __future__ import annotations

import hmac
from typing import Any, cast

import attrs

from eightbyeight_async import wire
from eightbyeight_async.errors import EightByEightError, InvalidRequestError
from eightbyeight_async.models.webhooks import DeliveryReceipt, InboundMessage, UnknownEvent

__all__ = ["MAX_BODY", "WebhookAuthorizationError", "WebhookError", "parse"]

# A receipt is under 1 KB and no inbound message carries its media; what is larger is not 8x8.
MAX_BODY = 1024 * 1024


class WebhookError(EightByEightError):
    """A webhook's body that is not an event; answer 400. `sent` is `Sent.NO`: it is about no call of yours.

    Attributes:
        reason: what is wrong and at which JSON path, without any value.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class WebhookAuthorizationError(WebhookError):
    """The `Authorization` header is missing or not the one agreed on; answer 401. The body was not read."""


def parse(
    body: bytes,
    *,
    authorization: str | bytes | None = None,
    expected_authorization: str | bytes | None = None,
    max_size: int = MAX_BODY,
) -> DeliveryReceipt | InboundMessage | UnknownEvent:
    """Reads what 8x8 POSTed to your callback URL.

    8x8 signs nothing. What it can do is send a static `Authorization` header, configured with the webhook; whoever
    does not check that (or the caller's address) believes anybody who finds the URL.

    Args:
        body: the request's body as it came.
        authorization: the request's `Authorization` header, whole, decoded or as raw bytes (ASGI's); None if there
            was none.
        expected_authorization: the header's value you configured at 8x8, e.g. `Bearer 9QQhlsEb8VY`; compared in
            constant time. None: not checked.
        max_size: bytes above which a body is refused unread.

    Returns:
        `DeliveryReceipt` and `InboundMessage` for both products; `UnknownEvent` for any other event.

    Raises:
        WebhookAuthorizationError: the header is not the expected one.
        WebhookError: the body is too large, is not JSON, or not an event (a receipt without umid or state).
        InvalidRequestError: `body` is no bytes, one of the authorizations is neither string nor bytes, or
            `expected_authorization` is empty (an unset variable?).
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
    event_type: str
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
_NAMESPACES = frozenset({"SMS", "ChatApps"})


def _event(data: object) -> DeliveryReceipt | InboundMessage | UnknownEvent:
    envelope = wire.structure(data, _Envelope)
    data = cast("dict[str, Any]", data)  # the envelope was read from it
    kind = _KINDS.get(envelope.event_type)
    # Without a namespace (or with one that cannot be read) it is no event of another kind, but half of one we know.
    if kind is None or (envelope.namespace is not None and envelope.namespace not in _NAMESPACES):
        return UnknownEvent(event_type=envelope.event_type, namespace=envelope.namespace, raw=data)
    payload = data.get("payload")
    if isinstance(payload, dict):
        # Without its namespace a payload does not say whose it is.
        data = {**data, "payload": {**payload, "namespace": envelope.namespace}}
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
    # Servers hand header bytes over as Latin-1 (RFC 9110, 5.5): a value that was UTF-8 on the wire arrives as such.
    text = given.decode("latin-1") if isinstance(given, bytes) else given or ""
    # Both are compared, whatever the first says; compare_digest of bytes takes as long for a near miss as for a far.
    same = hmac.compare_digest(text.encode("utf-8", "surrogatepass"), wanted)
    same |= hmac.compare_digest(text.encode("latin-1", "backslashreplace"), wanted)
    if not same:
        problem = "is missing" if given is None else "is not the expected one"
        raise WebhookAuthorizationError(f"the Authorization header {problem}")
