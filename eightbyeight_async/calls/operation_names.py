"""The name of a call's operation, read from its method and path.

The name is not an attribute of `Call`: a `Call` is made for every message, but only hooks need the name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from eightbyeight_async.calls.call import Call

__all__ = ["operation_of"]


def operation_of(call: Call[Any]) -> tuple[str, str | None]:
    """Returns the public method that makes the call, e.g. `sms.send`, and the umid in its path (None without one)."""
    segments = call.path.partition("?")[0].split("/")[3:]  # without /api/v1/
    umid: str | None = None
    match call.method, segments:
        case _, ["accounts", _, name]:
            return f"account.{name}", None
        case "POST", [_, _, _]:
            name = "send"
        case "POST", [_, _, _, "batch"]:
            name = "send_batch"
        case "DELETE", [_, _, _, umid]:
            name = "cancel"
        case "DELETE", [_, _, _, "batch", _]:
            name = "cancel_batch"
        case "GET", [_, _, _, umid]:
            name = "get"
        case "POST", [_, _, _, umid, "feedback"]:
            name = "send_feedback"
        case "POST", [_, _, _, "exports"]:
            name = "start_log_export"
        case "GET", [_, _, _, "exports", _]:
            name = "get_log_export"
        case "DELETE", [_, _, _, "exports", _]:
            name = "cancel_log_export"
        case _:
            name = "other"
    return f"{call.product.value}.{name}", None if umid is None else unquote(umid)
