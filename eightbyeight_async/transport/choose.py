"""The choice of a client's transport: one of ours, or httpx's for HTTP/2.

The client chooses once, at its construction:

| wanted | transport | httpx client |
| --- | --- | --- |
| nothing special, on asyncio or uvloop | `FastTransport` | none: `DirectClient` |
| nothing special, on trio | `AnyioTransport` (at the first request: a client can be made outside a loop) | same |
| a proxy, by argument or by the environment | `AnyioTransport`, also for hosts in NO_PROXY | `httpx.AsyncClient` |
| HTTP/2 | `Http2Transport`: httpx's own | `httpx.AsyncClient` |

These are for calls that nobody could see. `watched_client` makes the httpx client for the others (see `door`).

With HTTP/2, httpcore repeats a request if the server's GOAWAY frame says that it was not processed. The standard allows
this. It is the only repetition that this package does not make itself.

Plain http never goes through a proxy. The client allows it for loopback addresses only.
"""

from __future__ import annotations

import asyncio
import importlib.util
import ipaddress
import logging
import urllib.request
from typing import TYPE_CHECKING

import httpx

from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.transport.anyio_transport import AnyioTransport
from eightbyeight_async.transport.direct import DirectClient
from eightbyeight_async.transport.fast import FastTransport
from eightbyeight_async.transport.http2 import Http2Transport
from eightbyeight_async.transport.one_request import OneRequestTransport

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Coroutine, Mapping
    from typing import Any

__all__ = ["AnyLoopTransport", "build_http_client", "proxy_routes", "watched_client"]


def build_http_client(
    *,
    ssl_context: ssl.SSLContext,
    max_connections: int,
    timeout: float | httpx.Timeout | None,
    proxy: str | httpx.URL | httpx.Proxy | None = None,
    http2: bool = False,
    trust_env: bool = True,
    keepalive_expiry: float = 60.0,
) -> DirectClient | httpx.AsyncClient:
    """What sends the requests for these settings.

    Args:
        ssl_context: the TLS context for https. Only its ALPN protocols are changed, as httpx does.
        max_connections: the most connections to one host. Further requests wait up to their pool timeout.
        timeout: seconds or `httpx.Timeout`, for requests that have no timeout of their own; None for no timeout.
        proxy: a proxy for all https requests.
        http2: whether HTTP/2 is offered; needs the package h2.
        trust_env: whether proxies come from the environment (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`) without `proxy`.
        keepalive_expiry: seconds that an idle connection is kept.

    Raises:
        ImportError: `http2` without h2; the message says what to install.
    """
    limits = httpx.Limits(
        max_connections=max_connections,
        max_keepalive_connections=max_connections,
        keepalive_expiry=keepalive_expiry,
    )

    def direct() -> AnyioTransport:
        return AnyioTransport(
            ssl_context=ssl_context, max_connections=max_connections, keepalive_expiry=keepalive_expiry
        )

    def special(through: httpx.Proxy | None) -> httpx.AsyncBaseTransport:
        if http2:
            return Http2Transport(ssl_context=ssl_context, limits=limits, proxy=through)
        return AnyioTransport(
            ssl_context=ssl_context, max_connections=max_connections, keepalive_expiry=keepalive_expiry, proxy=through
        )

    if http2:
        # At DEBUG level hpack logs every header, the API key included.
        logging.getLogger("hpack").setLevel(logging.INFO)
    routes = proxy_routes(ssl_context, proxy, trust_env=trust_env)
    if routes or http2:
        mounts: dict[str, httpx.AsyncBaseTransport] = {
            pattern: special(through) for pattern, through in routes.items() if pattern != "http://"
        }
        mounts["http://"] = direct()
        return httpx.AsyncClient(transport=special(None), mounts=mounts, timeout=timeout, trust_env=trust_env)
    transport = AnyLoopTransport(
        FastTransport(ssl_context=ssl_context, max_connections=max_connections, keepalive_expiry=keepalive_expiry),
        direct(),
    )
    return DirectClient(transport)


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
        routes: httpx's patterns of URLs, and the proxy of each; None for no proxy.
        http2: whether HTTP/2 is offered.
        timeout: seconds, for requests of the application.
        event_hooks: as for `httpx.AsyncClient`.
    """

    def through(proxy: httpx.Proxy | None) -> OneRequestTransport:
        return OneRequestTransport(ssl_context=ssl_context, proxy=proxy, http2=http2)

    return httpx.AsyncClient(
        transport=through(None),
        mounts={pattern: through(proxy) for pattern, proxy in routes.items()},
        timeout=timeout,
        event_hooks=event_hooks,
    )


def proxy_routes(
    ssl_context: ssl.SSLContext, proxy: str | httpx.URL | httpx.Proxy | None, *, trust_env: bool = True
) -> dict[str, httpx.Proxy | None]:
    """httpx's patterns of URLs and the proxy of each, None for no proxy. Empty if no URL has a proxy.

    Args:
        ssl_context: for a trial with httpx, which reads NO_PROXY.
        proxy: a proxy for all https requests.
        trust_env: whether proxies come from the environment without `proxy`.
    """
    if proxy is not None:
        return {"https://": proxy if isinstance(proxy, httpx.Proxy) else httpx.Proxy(proxy), "http://": None}
    found = _environment_proxy(ssl_context) if trust_env else None
    if found is None:
        return {}
    pattern, through = found
    return {pattern: through, **dict.fromkeys(_without_proxy()), "http://": None}


class AnyLoopTransport(httpx.AsyncBaseTransport):
    """Sends requests of asyncio tasks through `on_asyncio`, all others (e.g. of trio) through `elsewhere`."""

    def __init__(self, on_asyncio: FastTransport, elsewhere: AnyioTransport) -> None:
        self._on_asyncio = on_asyncio
        self._elsewhere = elsewhere

    def handle_async_request(self, request: httpx.Request) -> Coroutine[None, None, httpx.Response]:
        """Send `request` through the transport of the running loop.

        Not `async def`: returning the chosen transport's coroutine saves one frame for each request.
        """
        chosen = self._on_asyncio if _on_asyncio() else self._elsewhere
        return chosen.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections of the running loop."""
        await (self._on_asyncio if _on_asyncio() else self._elsewhere).aclose()

    def abandon(self) -> None:
        """Release the connections of a loop that has ended, without using the loop."""
        self._on_asyncio.abandon()
        self._elsewhere.abandon()

    def disown(self) -> None:
        """In a forked process: let go of the parent's sockets."""
        self._on_asyncio.disown()
        self._elsewhere.disown()


def _on_asyncio() -> bool:
    try:
        # A task, not only a loop: trio can run as a guest inside an asyncio loop.
        return asyncio.current_task() is not None
    except RuntimeError:
        return False


def _environment_proxy(ssl_context: ssl.SSLContext) -> tuple[str, httpx.Proxy] | None:
    """The proxy of https requests in the environment and httpx's mount pattern for it; None without proxy.

    Raises:
        InvalidRequestError: a variable of the environment cannot be read; names it, not its value: a proxy's URL can
            have a password.
    """
    proxies = urllib.request.getproxies()
    for scheme in ("https", "all"):
        url = proxies.get(scheme)
        if url:
            found = f"{scheme}://", _proxy(url if "://" in url else f"http://{url}", f"{scheme.upper()}_PROXY")
            break
    else:
        found = None
    if proxies.get("no"):
        _check_no_proxy(ssl_context)
    return None if "*" in [host.strip() for host in proxies.get("no", "").split(",")] else found


def _proxy(url: str, variable: str) -> httpx.Proxy:
    try:
        proxy = httpx.Proxy(url)
    except (ValueError, httpx.InvalidURL) as error:
        reason = "must be a URL such as http://proxy.example.com:3128; correct this environment variable or unset it"
        raise InvalidRequestError(variable, reason) from error
    if proxy.url.scheme.startswith("socks") and importlib.util.find_spec("socksio") is None:
        raise InvalidRequestError(variable, 'a SOCKS proxy needs another package: pip install "httpx[socks]"')
    if not proxy.url.host:
        raise InvalidRequestError(variable, "names no host; correct this environment variable or unset it")
    return proxy


def _without_proxy() -> list[str]:
    """httpx's patterns of the hosts in NO_PROXY, as httpx makes them if it reads the environment itself."""
    patterns = []
    for entry in urllib.request.getproxies().get("no", "").split(","):
        host = entry.strip()
        if "://" in host:
            patterns.append(host)
        elif host:
            patterns.append(f"all://{_host_pattern(host)}")
    return patterns


def _host_pattern(host: str) -> str:
    try:
        address = ipaddress.ip_address(host.split("/", maxsplit=1)[0])
    except ValueError:
        return host if host.lower() == "localhost" else f"*{host}"
    return f"[{host}]" if address.version == 6 else host


def _check_no_proxy(ssl_context: ssl.SSLContext) -> None:
    """Let httpx read NO_PROXY now: else the first download would fail, or the first request."""
    try:
        httpx.AsyncClient(verify=ssl_context)
    except (httpx.InvalidURL, ValueError) as error:
        raise InvalidRequestError(
            "NO_PROXY",
            "has an entry that httpx cannot read, e.g. an IPv6 network, or an address in brackets; remove it",
        ) from error
