"""Which operation a method and a path mean. Pure, strict: no normalising, no trailing slash, no empty segment.

Matched on the path as it came over the wire, each segment decoded by itself, so that an encoded slash in an
id stays inside the id.
"""

from dataclasses import dataclass
from urllib.parse import unquote

_PREFIX = ["", "api", "v1", "subaccounts"]


@dataclass(frozen=True, slots=True)
class Route:
    """`target` is the last id in the path (umid, batch id, job id, token), None where there is none."""

    operation: str
    subaccount_id: str
    target: str | None


@dataclass(frozen=True, slots=True)
class WrongMethod:
    allow: str


def resolve(method: str, raw_path: str) -> Route | WrongMethod | None:
    """The operation, or the methods that would be right, or None for a path the API does not have."""
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
