"""Chooses the object that sends a client's calls on one event loop.

| wanted | what sends |
| --- | --- |
| nothing special, on asyncio or uvloop | `FastTransport` |
| nothing special, on trio | `AnyioTransport` |
| a proxy, by argument or by the environment | `AnyioTransport`, also for hosts in NO_PROXY |
| HTTP/2 | `Http2Sender`, over httpx's own transport |

These are for calls that no other code could observe. `watched_client` makes the httpx client for all other calls (see
`through_httpx`).

With HTTP/2, httpcore repeats a request if the server's GOAWAY frame says that it was not processed. The standard allows
this. It is the only repetition that this package does not make itself.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

from eightbyeight_async.transport.proxy_routes import proxy_for

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Coroutine, Mapping
    from typing import Any

    import httpx

    from eightbyeight_async.transport.plain_answer import Answer
    from eightbyeight_async.transport.request import Outgoing, Timeouts

__all__ = ["Sender", "make_sender", "watched_client"]


class Sender(Protocol):
    """Sends requests as bytes on one event loop."""

    def send(self, request: Outgoing, timeouts: Timeouts) -> Coroutine[Any, Any, Answer]:
        """Send one request; return its whole answer, or raise a WireError of the phase that failed."""

    def abandon(self) -> None:
        """Release the connections without using the loop, because it has ended."""

    def disown(self) -> None:
        """Called in a forked process: releases the parent's sockets."""

    async def aclose(self) -> None:
        """Close all connections; requests in flight fail."""


def make_sender(
    *,
    ssl_context: ssl.SSLContext,
    max_connections: int,
    routes: Mapping[str, httpx.Proxy | None],
    http2: bool = False,
    keepalive_expiry: float = 60.0,
) -> Sender:
    """Makes the sender of the running loop.

    Args:
        ssl_context: the TLS context for https. Only its ALPN protocols are changed, as in httpx.
        max_connections: the most connections to one host; not used with HTTP/2.
        routes: the routes of `proxy_routes`.
        http2: whether HTTP/2 is offered; needs the package h2.
        keepalive_expiry: seconds that an idle connection is kept.
    """
    # Each is imported when it is chosen, because most processes need only one of them.
    if http2:
        from eightbyeight_async.transport.http2 import Http2Sender

        # At DEBUG level hpack logs every header, the API key included.
        logging.getLogger("hpack").setLevel(logging.INFO)
        return Http2Sender(ssl_context=ssl_context, keepalive_expiry=keepalive_expiry, routes=routes)
    if not routes and _on_asyncio():
        from eightbyeight_async.transport.fast import FastTransport

        return FastTransport(
            ssl_context=ssl_context, max_connections=max_connections, keepalive_expiry=keepalive_expiry
        )
    from eightbyeight_async.transport.anyio_transport import AnyioTransport

    return AnyioTransport(
        ssl_context=ssl_context,
        max_connections=max_connections,
        keepalive_expiry=keepalive_expiry,
        proxy_for=proxy_for(routes),
    )


def _on_asyncio() -> bool:
    try:
        # Checks for a task, not only for a loop: trio can run as a guest inside an asyncio loop.
        return asyncio.current_task() is not None
    except RuntimeError:
        return False


def watched_client(
    *,
    ssl_context: ssl.SSLContext,
    routes: Mapping[str, httpx.Proxy | None],
    http2: bool,
    timeout: float,
    event_hooks: Mapping[str, list[Callable[..., Any]]] | None,
) -> httpx.AsyncClient:
    """An `httpx.AsyncClient` over httpx's own transports.

    Args:
        ssl_context: the TLS context for https.
        routes: the routes of `proxy_routes`.
        http2: whether HTTP/2 is offered.
        timeout: seconds, for requests of the application.
        event_hooks: as for `httpx.AsyncClient`.
    """
    import httpx

    from eightbyeight_async.transport.one_request import OneRequestTransport

    def through(proxy: httpx.Proxy | None) -> OneRequestTransport:
        return OneRequestTransport(ssl_context=ssl_context, proxy=proxy, http2=http2)

    return httpx.AsyncClient(
        transport=through(None),
        mounts={pattern: through(proxy) for pattern, proxy in routes.items()},
        timeout=timeout,
        event_hooks=event_hooks,
    )
