"""Sends calls through httpx: those that a hook, a mock, a recorder or a tracer could observe.

| what could observe the call | how it is found |
| --- | --- |
| a tool that replaces functions of httpx or httpcore | `httpx_observers`, checked for every call |
| code that has the client's `http`: hooks, auth, cookies, headers, mounts, `instrument_client` | after its first use |
| `event_hooks`, `transport` or `http_client` of the client | always |

All other calls are sent by our own transports, which tools for httpx cannot observe.

Rule: a failure of httpx gets `Sent.NO` only if httpx did not begin to write the request. A hook or a wrapper can raise
`httpx.ConnectError` even after the answer has arrived, so `WriteTrace` records whether writing began. If the
application has set hooks or transports, `WriteTrace` must also have recorded that httpx's transport began its work: it
records nothing about other transports.
"""

from __future__ import annotations

import threading
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from eightbyeight_async.transport.httpx_observers import is_replaced, somebody_watches
from eightbyeight_async.transport.httpx_opening import OpeningTrace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    import httpx

__all__ = ["HttpxDoor", "WriteTrace", "mocked_shortcut"]


class HttpxDoor:
    """The httpx client of an `AsyncConnectClient`, and when its calls go through it.

    Args:
        make: makes the httpx client, at its first use.
        always: True if every call goes through it.
        phases: True if the client's transports are httpx's own, so that their exceptions show the right phase.
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
        """True if other code could observe the next call."""
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
        # imported here, because most processes never need it, and the import takes longer than that of this package
        import httpx

        with self._lock:
            # A mock may have replaced the class since the client was made, or it had replaced the class at that time.
            # While the application has not got the client, make a new one.
            if self._http is None or (not self._always and type(self._http) is not httpx.AsyncClient):
                self._http = self._make()
            return self._http

    def unsent(self, trace: WriteTrace) -> bool:
        """True if the class of a failure can be trusted when it says that no byte of the request was written."""
        return self.phases and trace.nothing_written() and (trace.heard or not self._always)

    async def aclose(self) -> None:
        """Close the httpx client, if it is ours."""
        if self.own and self._http is not None:
            closing: object = self._http.aclose()
            if isawaitable(closing):  # the result of a mock's `aclose` may not be awaitable
                await closing


def mocked_shortcut(http: httpx.AsyncClient, method: str) -> Callable[..., Awaitable[httpx.Response]] | None:
    """Returns `http.post` or a similar method, if a mock has replaced it or `http.request`, which it calls."""
    import httpx

    names = (method.lower(), "request")
    kind: object = httpx.AsyncClient
    related = not isinstance(kind, type) or isinstance(http, kind)  # False for a client of httpx2
    if any(name in getattr(http, "__dict__", ()) or (related and is_replaced(name)) for name in names):
        found: Callable[..., Awaitable[httpx.Response]] = getattr(http, names[0])
        return found
    return None


class WriteTrace(OpeningTrace):
    """httpx's `trace` extension of one request: whether any of its bytes may have been written.

    Attributes:
        heard: True if httpx's transport has begun its work.
    """

    def __init__(self) -> None:
        super().__init__()
        self.heard: bool = False
        self._begun = False
        self._request: httpx.Request | None = None

    def follow(self, request: httpx.Request) -> None:
        super().follow(request)
        self._request = request

    def nothing_written(self) -> bool:
        """True if httpx reported every step of the request, and did not begin to write it."""
        return not self._begun and self._request is not None and self._request.extensions.get("trace") is self

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        self.heard = True
        if event.endswith("send_request_headers.started"):
            # CONNECT goes to a proxy, and is not the request itself.
            self._begun = self._begun or getattr(info.get("request"), "method", b"") != b"CONNECT"
        await super().__call__(event, info)
