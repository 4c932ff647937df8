"""Which transport serves a client: ours, or httpx's where ours does not do it. Decided once, at construction.

| asked for | transport | under |
| --- | --- | --- |
| nothing special, on asyncio or uvloop | `FastTransport` | `ShortcutClient` |
| nothing special, on trio | `StockTransport` (at the first request: a client can be made outside a loop) | same |
| a proxy, by argument | `StockTransport` | `httpx.AsyncClient` |
| a proxy, by the environment | `StockTransport`; hosts in NO_PROXY: httpx's own | `httpx.AsyncClient` |
| HTTP/2 | httpx's own | `httpx.AsyncClient` |

With HTTP/2 httpcore sends a request again that a GOAWAY of the server names as not processed, as the standard allows;
that is the one repetition below this package.

Plain http is for loopback only (the client sees to that), and never goes through a proxy.
"""

from __future__ import annotations

import asyncio
import logging
import urllib.request
from typing import TYPE_CHECKING

import httpx

from eightbyeight_async.transport.fast import FastTransport
from eightbyeight_async.transport.shortcut import ShortcutClient
from eightbyeight_async.transport.stock import StockTransport

if TYPE_CHECKING:
    import ssl
    from collections.abc import Coroutine

__all__ = ["AnyLoopTransport", "build_http_client"]


def build_http_client(
    *,
    ssl_context: ssl.SSLContext,
    max_connections: int,
    timeout: float | httpx.Timeout | None,
    proxy: str | httpx.URL | httpx.Proxy | None = None,
    http2: bool = False,
    trust_env: bool = True,
    keepalive_expiry: float = 60.0,
) -> httpx.AsyncClient:
    """The `httpx.AsyncClient` that fits.

    Args:
        ssl_context: for https, used as it is, but for ALPN, which is set as httpx sets it.
        max_connections: to one host; further requests wait as long as their pool timeout says.
        timeout: the default for requests that bring none, seconds or `httpx.Timeout`.
        proxy: a proxy for all https requests.
        http2: offer HTTP/2; needs the package h2.
        trust_env: take proxies from the environment (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`) if none is given.
        keepalive_expiry: seconds an idle connection is kept.

    Raises:
        ImportError: `http2` without h2; the message says what to install.
    """
    limits = httpx.Limits(
        max_connections=max_connections,
        max_keepalive_connections=max_connections,
        keepalive_expiry=keepalive_expiry,
    )
    if http2:
        # It logs every header at DEBUG, the API key among them.
        logging.getLogger("hpack").setLevel(logging.INFO)
        return httpx.AsyncClient(
            verify=ssl_context,
            http2=True,
            limits=limits,
            timeout=timeout,
            proxy=proxy,
            trust_env=trust_env,
            mounts={"http://": None},  # None: the client's own transport, past any proxy
        )

    def stock(through: httpx.Proxy | None = None) -> StockTransport:
        return StockTransport(
            ssl_context=ssl_context,
            max_connections=max_connections,
            keepalive_expiry=keepalive_expiry,
            proxy=through,
        )

    if proxy is not None:
        through = proxy if isinstance(proxy, httpx.Proxy) else httpx.Proxy(proxy)
        return httpx.AsyncClient(transport=stock(through), mounts={"http://": stock()}, timeout=timeout)
    found = _environment_proxy() if trust_env else None
    if found is not None:
        # Without `transport=`, which would make httpx ignore the environment: NO_PROXY is read by httpx alone.
        pattern, url = found
        return httpx.AsyncClient(
            verify=ssl_context,
            limits=limits,
            timeout=timeout,
            mounts={pattern: stock(httpx.Proxy(url)), "http://": stock()},
        )
    transport = AnyLoopTransport(
        FastTransport(ssl_context=ssl_context, max_connections=max_connections, keepalive_expiry=keepalive_expiry),
        stock(),
    )
    return ShortcutClient(transport=transport, timeout=timeout, trust_env=trust_env)


class AnyLoopTransport(httpx.AsyncBaseTransport):
    """`on_asyncio` for requests from an asyncio task, `elsewhere` for others."""

    def __init__(self, on_asyncio: httpx.AsyncBaseTransport, elsewhere: httpx.AsyncBaseTransport) -> None:
        self._on_asyncio = on_asyncio
        self._elsewhere = elsewhere

    def handle_async_request(self, request: httpx.Request) -> Coroutine[None, None, httpx.Response]:
        """Not `async def`: the coroutine of the chosen one will do, without a frame of our own around it."""
        chosen = self._on_asyncio if _on_asyncio() else self._elsewhere
        return chosen.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections of this loop."""
        await (self._on_asyncio if _on_asyncio() else self._elsewhere).aclose()


def _on_asyncio() -> bool:
    try:
        # A task, not only a loop: trio can be a guest in an asyncio loop.
        return asyncio.current_task() is not None
    except RuntimeError:
        return False


def _environment_proxy() -> tuple[str, str] | None:
    """httpx's pattern and the URL of the proxy that https requests meet, if there is one."""
    proxies = urllib.request.getproxies()
    if "*" in [host.strip() for host in proxies.get("no", "").split(",")]:
        return None
    for scheme in ("https", "all"):
        url = proxies.get(scheme)
        if url:
            return f"{scheme}://", url if "://" in url else f"http://{url}"
    return None
