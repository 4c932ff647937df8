"""Our transport for `httpx.AsyncClient`: HTTP/1.1 on asyncio, as fast as aiohttp, with httpx's exceptions.

Rules:
- `httpx.ConnectError`, `ConnectTimeout`, `PoolTimeout` and `UnsupportedProtocol` mean that no byte of the request has
  been sent. So does `LocalProtocolError` for a body of bytes. After any other exception it may have been sent.
- No request is written twice. A connection that is found closed before the first write is replaced. After the first
  write a failure is an error.
- Whatever happens to a request, it returns its slot in the pool. This includes cancellation at any await.

`choose.py` uses `AnyioTransport` for proxies and loops other than asyncio's, and httpx's own transport for HTTP/2. This
transport returns responses with complete bodies, never a stream, and does not call the `trace` extension.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from eightbyeight_async.transport.complete import CompleteResponse
from eightbyeight_async.transport.connect import Origin, Settings
from eightbyeight_async.transport.head import Heads, outgoing
from eightbyeight_async.transport.inflate import check_inflated
from eightbyeight_async.transport.pool import Pool

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

__all__ = ["FastTransport"]

_NO_TIMEOUTS: Mapping[str, float | None] = {}


class FastTransport(httpx.AsyncBaseTransport):
    """HTTP/1.1 on asyncio (uvloop included). It serves one loop at a time; a new loop starts with new connections.

    Args:
        ssl_context: the TLS context for https origins.
        max_connections: the most connections to one origin. Further requests wait in order of arrival, up to their
            `pool` timeout.
        keepalive_expiry: seconds that an idle connection is kept. The default is 60, not httpx's 5: with 5, an
            application that sends a message now and then would need a TLS handshake (1.1 ms of CPU and two round trips)
            for each.
        max_body: the most bytes of an answer's body, before and after decompression. A larger one is a
            RemoteProtocolError.
    """

    def __init__(
        self,
        *,
        ssl_context: ssl.SSLContext,
        max_connections: int = 100,
        keepalive_expiry: float = 60.0,
        max_body: int = 32 * 1024 * 1024,
    ) -> None:
        ssl_context.set_alpn_protocols(["http/1.1"])
        self._settings = Settings(ssl_context, max_connections, keepalive_expiry, max_body)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pools: dict[Origin, Pool] = {}
        self._closed = False
        self._heads = Heads()
        self._last_headers: list[tuple[bytes, bytes]] = []
        self._last_parsed = httpx.Headers()

    @property
    def pools(self) -> Mapping[Origin, Pool]:
        """The pools of the current loop by origin, for inspection."""
        return self._pools

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`; return the response with its whole body.

        Raises:
            httpx.TransportError: an exception of the phase that failed; see the rules at the top of this file.
        """
        url = request.url
        extensions = request.extensions
        pool = self._pool(Origin(url.raw_scheme, url.raw_host, url.port, extensions.get("sni_hostname")))
        head = self._heads.head(request.method, url.raw_path, request.headers.raw)
        message = outgoing(head, request.stream)
        timeouts = extensions.get("timeout") or _NO_TIMEOUTS
        connection = pool.take()
        if connection is None:
            connection = await pool.acquire(pool_timeout=timeouts.get("pool"), connect_timeout=timeouts.get("connect"))
        while True:
            try:
                await connection.exchange(
                    message,
                    head_only=request.method == "HEAD",
                    write_timeout=timeouts.get("write"),
                    read_timeout=timeouts.get("read"),
                )
                answer = connection.answer
                body = answer.body
                response = CompleteResponse(
                    answer.status,
                    headers=self._headers(answer.headers),
                    body=body,
                    plain=answer.plain,
                    extensions={
                        "http_version": answer.version,
                        "reason_phrase": answer.reason,
                        "network_stream": connection.stream,
                    },
                )
            except BaseException as error:
                if not (isinstance(error, httpx.ConnectError) and connection.used and not connection.written):
                    pool.discard(connection)
                    raise
            else:
                break
            connection = await pool.replace(connection, timeouts.get("connect"))
        if head.close:
            pool.discard(connection)
        else:
            pool.release(connection)
        if not response.plain and "content-encoding" in response.headers:
            check_inflated(body, response.headers["content-encoding"], self._settings.max_body, answer.status)
        return response

    def _headers(self, raw: list[tuple[bytes, bytes]]) -> httpx.Headers:
        """The headers as `httpx.Headers`, kept while successive answers have the same ones.

        Parsing takes 10 us; the copy that a response makes takes 1 us.
        """
        if raw != self._last_headers:
            self._last_headers, self._last_parsed = raw, httpx.Headers(raw)
        return self._last_parsed

    def _pool(self, origin: Origin) -> Pool:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self.abandon()
            self._loop = loop
        pool = self._pools.get(origin)
        if pool is None:
            if self._closed:
                raise RuntimeError("the transport is closed")
            if origin.scheme not in (b"https", b"http") or not origin.host:
                raise httpx.UnsupportedProtocol("the URL is neither https:// nor http:// with a host")
            pool = self._pools[origin] = Pool(origin, self._settings)
        return pool

    def abandon(self) -> None:
        """Release the connections of a loop that has ended, or let a loop of another thread close them."""
        pools, self._pools = self._pools, {}
        if self._loop is None or not pools:
            return
        if self._loop.is_closed():
            for pool in pools.values():
                pool.forget()
        else:
            # The loop of another thread, or a loop that does not run now. It closes its own sockets when it runs.
            for pool in pools.values():
                self._loop.call_soon_threadsafe(pool.retire)

    def disown(self) -> None:
        """In a forked process: let go of the parent's sockets."""
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.disown()

    async def aclose(self) -> None:
        """Close all connections. Requests in flight fail. A second call does nothing."""
        self._closed = True
        self._heads = Heads()  # drops the kept heads, which contain the API key
        if self._loop is None:
            return
        if asyncio.get_running_loop() is not self._loop:
            self.abandon()
            return
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.retire()
        for pool in pools.values():
            await pool.aclose()
