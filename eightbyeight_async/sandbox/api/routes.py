"""Routes: finds the operation for a method and a path.

Rules:
- Strict: the path is not normalised; a trailing slash or an empty segment does not match.
- The raw path is split first, then each segment is percent-decoded. So an encoded slash stays inside its id.
"""

import functools
from dataclasses import dataclass
from urllib.parse import unquote

_PREFIX = ["", "api", "v1"]


@dataclass(frozen=True, slots=True)
class Route:
    """A known path: its operation, its sub-account, and its last id (umid, batch id, job id or token) or None.

    A path about a whole account has an `account_id` and no sub-account ("").
    """

    operation: str
    subaccount_id: str
    target: str | None
    account_id: str | None = None


@dataclass(frozen=True, slots=True)
class WrongMethod:
    """A known path with a method that it does not allow; `allow` is the value of the Allow header."""

    allow: str


@functools.lru_cache(maxsize=1024)  # cached, because a client sends most messages to one or two paths
def resolve(method: str, raw_path: str) -> Route | WrongMethod | None:
    """The route; or a WrongMethod with the methods that the path allows; or None for an unknown path."""
    segments = raw_path.split("/")
    if segments[:3] != _PREFIX or "" in segments[1:]:
        return None
    match segments[3:]:
        case ["subaccounts", *rest]:
            return _of_subaccount(method, [unquote(segment) for segment in rest])
        case ["accounts", account_id, "prices" | "balance" as name]:
            return Route(name, "", None, unquote(account_id)) if method == "GET" else WrongMethod("GET")
    return None


def _of_subaccount(method: str, decoded: list[str]) -> Route | WrongMethod | None:
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
