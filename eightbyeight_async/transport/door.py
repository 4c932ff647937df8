"""The way through httpx: for calls that a hook, a mock, a recorder or a tracer could see.

| who could see the call | how it is found |
| --- | --- |
| a tool that replaces functions of httpx or httpcore | `watchers`, looked at for every call |
| whoever has the client's `http`: hooks, auth, cookies, headers, mounts, `instrument_client` | from its first use on |
| `event_hooks`, `transport` or `http_client` of the client | always |

All others are sent by our own transports, which no tool of httpx can see.

Rule: `Sent.NO` for a failure behind this door only if httpx did not begin to write the request. A hook or a wrapper can
raise `httpx.ConnectError` after the answer has come, and `WriteTrace` tells the two apart. Where the application has
set hooks or transports, `WriteTrace` must also have heard that httpx began: it does not hear what other transports do.
"""

from __future__ import annotations

import threading
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from eightbyeight_async.transport.watchers import is_replaced, somebody_watches

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    import httpx

__all__ = ["HttpxDoor", "WriteTrace", "mocked_shortcut"]


class HttpxDoor:
    """The httpx client of an `AsyncConnectClient`, and when its calls go through it.

    Args:
        make: makes the httpx client, at its first use.
        always: True if every call goes through it.
        phases: True if its transports are httpx's, so that its exceptions name the right phase.
        own: False for the application's own client, which is never closed.

    Attributes:
        phases: as given.
        own: as given.
    """

    def __init__(
        self, make: Callable[[], httpx.AsyncClient], *, always: bool = False, phases: bool = True, own: bool = True
    ) -> None:
        self.phases = phases
        self.own = own
        self._make = make
        self._always = always
        self._http: httpx.AsyncClient | None = None
        self._lock = threading.RLock()

    def wanted(self) -> bool:
        """True if somebody could see the next call."""
        return self._always or somebody_watches()

    @property
    def public(self) -> httpx.AsyncClient:
        """The httpx client for the application. Every later call goes through it."""
        http = self.http
        self._always = True
        return http

    @property
    def http(self) -> httpx.AsyncClient:
        """The httpx client."""
        import httpx  # here, because most processes never need it, and it takes longer to import than this package

        with self._lock:
            # Before the application has it, a mock may have replaced the class, or have done so when it was made.
            if self._http is None or (not self._always and type(self._http) is not httpx.AsyncClient):
                self._http = self._make()
            return self._http

    def unsent(self, trace: WriteTrace) -> bool:
        """True if an exception that says so is right: no byte of the request was written."""
        return self.phases and trace.nothing_written() and (trace.heard or not self._always)

    async def aclose(self) -> None:
        """Close the httpx client, if it is ours."""
        if self.own and self._http is not None:
            closing: object = self._http.aclose()
            if isawaitable(closing):  # not that of a mock
                await closing


def mocked_shortcut(http: httpx.AsyncClient, method: str) -> Callable[..., Awaitable[httpx.Response]] | None:
    """`http.post` and the like, if a mock stands in its place or in that of `http.request`, which it calls."""
    import httpx

    names = (method.lower(), "request")
    kind: object = httpx.AsyncClient
    related = not isinstance(kind, type) or isinstance(http, kind)  # not httpx2's
    if any(name in getattr(http, "__dict__", ()) or (related and is_replaced(name)) for name in names):
        found: Callable[..., Awaitable[httpx.Response]] = getattr(http, names[0])
        return found
    return None


class WriteTrace:
    """httpx's `trace` extension of one request: whether any of its bytes may have been written.

    Attributes:
        heard: True if httpx's transport has begun its work.
    """

    def __init__(self) -> None:
        self.heard: bool = False
        self._begun = False
        self._request: httpx.Request | None = None

    def follow(self, request: httpx.Request) -> None:
        request.extensions["trace"] = self
        self._request = request

    def nothing_written(self) -> bool:
        """True if the request was followed to its end, and writing it was not begun."""
        return not self._begun and self._request is not None and self._request.extensions.get("trace") is self

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        self.heard = True
        if event.endswith("send_request_headers.started"):
            # CONNECT, to a proxy, is not the request.
            self._begun = self._begun or getattr(info.get("request"), "method", b"") != b"CONNECT"
