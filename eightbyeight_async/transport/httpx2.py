"""The exceptions of httpx2 as those of httpx: an application's own client can be httpx2's.

httpx2 is httpx's successor. Its classes have the names of httpx's, but are not the same classes, so `except httpx.X`
does not catch them. It is no dependency of this package and is not imported here.
"""

from __future__ import annotations

from typing import Any

import httpx

__all__ = ["as_httpx", "kin"]

_FAMILY = ("httpx", "httpx2")


def kin(kind: type, *names: str) -> bool:
    """True if a class is one of these classes of httpx or httpx2, or derives from one."""
    return any(base.__name__ in names and base.__module__.partition(".")[0] in _FAMILY for base in kind.__mro__)


def as_httpx(failure: Exception) -> Exception:
    """The httpx exception for one of httpx2, with the original as its cause; any other exception unchanged."""
    for base in type(failure).__mro__:
        twin = getattr(httpx, base.__name__, None) if base.__module__.partition(".")[0] == "httpx2" else None
        found: Exception | None = None
        if not isinstance(twin, type):
            continue
        if issubclass(twin, httpx.HTTPStatusError):
            seen: Any = failure  # its request and response have the attributes of httpx's
            found = twin(str(failure), request=seen.request, response=seen.response)
        elif issubclass(twin, httpx.HTTPError | httpx.InvalidURL):
            found = twin(str(failure))
        elif issubclass(twin, httpx.StreamError):
            found = twin.__new__(twin, str(failure))  # their constructors take no message
        if found is not None:
            found.__cause__ = failure
            return found
    return failure
