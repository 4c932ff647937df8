"""The operation that a call is, read from its method and path.

It is not an attribute of `Call`, which is made for every message, while only hooks ask for the name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from eightbyeight_async.calls.call import Call

__all__ = ["operation_of"]


def operation_of(call: Call[Any]) -> tuple[str, str | None]:
    """The public method that makes the call, e.g. `sms.send`, and the umid that it is about, if the path has one."""
    segments = call.path.partition("?")[0].split("/")[3:]  # after /api/v1/
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
