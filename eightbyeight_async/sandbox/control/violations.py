"""Violations: parts of requests that 8x8's OpenAPI files do not allow. They are recorded, not refused.

8x8 may ignore an unknown field or a null, but a client that sends one is still wrong.

Rules: a problem names fields and headers, never values. Each problem is recorded once per request.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from eightbyeight_async.sandbox.api.sms_rules import SMS_FIELDS

_SMS_TEMPLATE = frozenset(["source", "text", "encoding", "scheduled", "expiry", "dlrCallbackUrl"])
_SMS_BATCH = frozenset(
    ["clientBatchId", "messages", "destinations", "template", "includeMessagesInResponse", "clientIp"]
)
_USER = frozenset(["msisdn", "country", "lineUserId", "channelUserId"])
_CONTENT = frozenset(
    [
        "text",
        "whatsApp",
        "url",
        "fallbackText",
        "sms",
        "location",
        "interactive",
        "video",
        "image",
        "audio",
        "template",
        "richCard",
        "carousel",
        "suggestions",
    ]
)
_CHATAPPS = frozenset(
    ["user", "clientMessageId", "type", "content", "scheduled", "expiry", "dlrCallbackUrl", "channels", "context"]
)
_CHATAPPS_TEMPLATE = frozenset(["type", "content", "dlrCallbackUrl", "channels"])
_CHATAPPS_BATCH = frozenset(["clientBatchId", "template", "messages", "includeMessagesInResponse"])

_FREE = frozenset({"data"})  # the input of a flow: the application chooses the names in it, and nulls are allowed

_STRINGS = frozenset({str})

# Known field names by place. Unlisted places (the inside of interactive and RCS content) are not checked.
_KNOWN: dict[str, dict[str, frozenset[str]]] = {
    "sms send": {"body": SMS_FIELDS},
    "sms send_batch": {
        "body": _SMS_BATCH,
        "body.template": _SMS_TEMPLATE,
        "body.messages[]": SMS_FIELDS,
    },
    "sms feedback": {"body": frozenset({"outcome", "timestamp"})},
    "sms start_export": {"body": frozenset({"from", "to", "phoneNumber", "countries", "limit"})},
    "chatapps send": {},
    "chatapps send_batch": {"body": _CHATAPPS_BATCH, "body.template": _CHATAPPS_TEMPLATE},
}


def _chatapps_places(prefix: str) -> dict[str, frozenset[str]]:
    return {
        f"{prefix}.user": _USER,
        f"{prefix}.content": _CONTENT,
        f"{prefix}.content.sms": frozenset({"encoding", "source"}),
        f"{prefix}.content.location": frozenset({"latitude", "longitude", "name", "address"}),
        f"{prefix}.content.template": frozenset({"name", "language", "components"}),
        f"{prefix}.content.whatsApp": frozenset({"directSend"}),
        f"{prefix}.channels[]": frozenset({"channel", "fallbackAfter", "successStatus"}),
        f"{prefix}.context": frozenset({"umid"}),
    }


_KNOWN["chatapps send"] |= {"body": _CHATAPPS, **_chatapps_places("body")}
_KNOWN["chatapps send_batch"] |= {
    "body.messages[]": _CHATAPPS,
    **_chatapps_places("body.messages[]"),
    **_chatapps_places("body.template"),
}


# Known parameters of the query string. Other operations have none.
_QUERY = {"sms prices": frozenset({"country", "mcc", "mnc", "direction", "subAccountId"})}


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing in a request that 8x8's documents do not allow.

    - `operation`: e.g. "sms send".
    - `problem`: e.g. "unknown field body.colour".
    """

    operation: str
    problem: str

    def __str__(self) -> str:
        return f"{self.operation}: {self.problem}"


def body_problems(operation: str, body: object) -> set[str]:
    """The unknown fields and the nulls of a JSON body, each with its place."""
    known = _KNOWN.get(operation, {})
    return set() if _is_plain(body, known.get("body", frozenset())) else set(_walk("body", body, known))


def header_problems(operation: str, method: str, headers: Mapping[str, str], query: str, body: bytes) -> frozenset[str]:
    """Wrong headers, an unknown parameter in the query string, or a body on GET or DELETE."""
    has_bearer = headers.get("Authorization", "").startswith("Bearer ")
    content_type, accept = headers.get("Content-Type", ""), headers.get("Accept", "*/*")
    return _header_problems(operation, method, has_bearer, content_type, accept, query, bool(body))


@functools.lru_cache(maxsize=256)  # cached, because a client sends the same headers again and again
def _header_problems(
    operation: str, method: str, has_bearer: bool, content_type: str, accept: str, query: str, has_body: bool
) -> frozenset[str]:
    problems = set()
    if not has_bearer:
        problems.add("header Authorization is not of the form Bearer KEY")
    if method == "POST" and has_body and content_type.partition(";")[0].strip().lower() != "application/json":
        problems.add("header Content-Type is not application/json")
    accept = accept.lower()
    wanted = "text/csv" if operation == "sms download" else "application/json"
    if not any(kind in accept for kind in (wanted, f"{wanted.partition('/')[0]}/*", "*/*")):
        problems.add(f"header Accept does not allow {wanted}")
    allowed = _QUERY.get(operation, frozenset())
    if query and not allowed:
        problems.add("a query string")
    elif query and not allowed.issuperset(pair.partition("=")[0] for pair in query.split("&")):
        problems.add("an unknown parameter in the query string")
    if method in ("GET", "DELETE") and has_body:
        problems.add(f"a body on {method}")
    return frozenset(problems)


def _is_plain(value: object, names: frozenset[str]) -> bool:
    """Whether the value is an object with only known strings: a fast check for most messages, alone or in a batch."""
    return type(value) is dict and names.issuperset(value) and _STRINGS.issuperset(map(type, value.values()))


def _walk(place: str, value: object, known: Mapping[str, frozenset[str]]) -> Iterator[str]:
    if value is None:
        yield f"null at {place}"
    elif isinstance(value, dict):
        names = known.get(place)
        if names is not None and not names.issuperset(value):
            yield from (f"unknown field {place}.{name}" for name in value if name not in names)
        for name, inner in value.items():
            if inner is None or (isinstance(inner, dict | list) and name not in _FREE):
                yield from _walk(f"{place}.{name}", inner, known)
    elif isinstance(value, list):
        names = known.get(f"{place}[]", frozenset())
        for inner in value:
            if not _is_plain(inner, names) and (inner is None or isinstance(inner, dict | list)):
                yield from _walk(f"{place}[]", inner, known)
