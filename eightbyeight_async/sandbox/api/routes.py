"""Routes: which operation a method and a path stand for.

Rules:
- Strict: the path is not normalised; a trailing slash or an empty segment does not match.
- The raw path is split first, then each segment is percent-decoded. So an encoded slash stays inside its id.
"""

from dataclasses import dataclass
from urllib.parse import unquote

_PREFIX = ["", "api", "v1", "subaccounts"]


@dataclass(frozen=True, slots=True)
class Route:
    """A known path: its operation, its sub-account, and its last id (umid, batch id, job id or token) or None."""

    operation: str
    subaccount_id: str
    target: str | None


@dataclass(frozen=True, slots=True)
class WrongMethod:
    """A known path with a method it does not have; `allow` is the value of the Allow header."""

    allow: str


def resolve(method: str, raw_path: str) -> Route | WrongMethod | None:
    """The route; or a WrongMethod with the methods that the path allows; or None for an unknown path."""
    segments = raw_path.split("/")
    if segments[:4] != _PREFIX or "" in segments[1:]:
        return None
    decoded = [unquote(segment) for segment in segments[4:]]
    match decoded:
        case [subaccount_id, "messages"]:
            operations, target = {"POST": "send"}, None
        case [subaccount_id, "messages", "batch"]:
            operations, target = {"POST": "send_batch", "DELETE": "cancel"}, "batch"
        case [subaccount_id, "messages", "exports"]:
            operations, target = {"POST": "start_export"}, None
        case [subaccount_id, "messages", umid]:
            operations, target = {"GET": "details", "DELETE": "cancel"}, umid
        case [subaccount_id, "messages", "batch", batch_id]:
            operations, target = {"DELETE": "cancel_batch"}, batch_id
        case [subaccount_id, "messages", "exports", job_id]:
            operations, target = {"GET": "look_at_export", "DELETE": "cancel_export"}, job_id
        case [subaccount_id, "messages", "download", token]:
            operations, target = {"GET": "download"}, token
        case [subaccount_id, "messages", umid, "feedback"]:
            operations, target = {"POST": "feedback"}, umid
        case _:
            return None
    operation = operations.get(method)
    if operation is None:
        return WrongMethod(", ".join(operations))
    return Route(operation, subaccount_id, None if operation == "send_batch" else target)
