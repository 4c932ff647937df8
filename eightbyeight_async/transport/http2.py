"""HTTP/2 through httpx's own transport. If the server supports only HTTP/1.1, each connection carries one request.

In HTTP/2 an answer names its request. In HTTP/1.1 httpx would read bytes that a server sends after an answer as the
next answer.
"""

from __future__ import annotations

import contextlib
import socket
from collections import Counter
from typing import TYPE_CHECKING, cast

import anyio
import httpx

from eightbyeight_async.transport.httpx_call import send_through
from eightbyeight_async.transport.httpx_failures import as_wire_error
from eightbyeight_async.transport.httpx_opening import OpeningTrace
from eightbyeight_async.transport.inflate import decoded
from eightbyeight_async.transport.plain_answer import Answer, AnswerHeaders
from eightbyeight_async.transport.wire_errors import AnswerTooLargeError, WireError

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Mapping

    from eightbyeight_async.transport.request import Outgoing, Timeouts

__all__ = ["Http2Sender", "Http2Transport"]


class Http2Sender:
    """Sends requests through an httpx client that offers HTTP/2. One for each event loop.

    Args:
        ssl_context: the TLS context for https.
        keepalive_expiry: seconds that an idle connection is kept.
        routes: httpx's patterns of URLs, and the proxy of each; None for no proxy.

    Raises:
        ImportError: without the package h2; the message says what to install.
    """

    def __init__(
        self,
        *,
        ssl_context: ssl.SSLContext,
        keepalive_expiry: float,
        routes: Mapping[str, httpx.Proxy | None],
    ) -> None:
        # httpx's pool has no limit of connections: a failed handshake through a proxy keeps its place there until the
        # pool is closed. So a limit would in time stop every request, or close every connection after one request. The
        # limiter bounds the requests in flight, and `keepalive_expiry` ends idle connections.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=keepalive_expiry)

        def through(proxy: httpx.Proxy | None) -> Http2Transport:
            return Http2Transport(ssl_context=ssl_context, limits=limits, proxy=proxy)

        def client() -> httpx.AsyncClient:
            mounts = {pattern: through(proxy) for pattern, proxy in routes.items()}
            return httpx.AsyncClient(transport=through(None), mounts=mounts, trust_env=False)

        self._make = client
        self._http = client()
        self._in_flight: Counter[httpx.AsyncClient] = Counter()

    async def send(self, request: Outgoing, timeouts: Timeouts) -> Answer:
        """Send one request; return its whole answer.

        Raises:
            WireError: the exception of the phase that failed.
        """
        prepared = request.prepared
        headers = dict(prepared.headers)
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        http = self._http
        self._in_flight[http] += 1
        try:
            status, found, read = await send_through(
                http,
                prepared.method,
                prepared.url,
                headers=headers,
                body=request.body,
                seconds=timeouts.read,
                trace=OpeningTrace(),
            )
        except Exception as error:
            if isinstance(error, WireError):
                raise
            # A call that is cancelled can leave the shared connection of the others in a wrong state: they get a
            # LocalProtocolError, or an exception that is not httpx's, such as a ValueError of a semaphore. Their
            # messages may have been sent. As httpx goes on using this connection, later calls get a new client.
            twin = as_wire_error(error)
            if http is self._http and (twin is None or isinstance(error, httpx.LocalProtocolError)):
                self._http = self._make()
            raise twin or WireError(type(error).__name__) from error
        finally:
            self._in_flight[http] -= 1
            await self._close_unused()
        return Answer(status, AnswerHeaders(found.raw), read, b"HTTP/2", b"")

    async def _close_unused(self) -> None:
        """Close each replaced client whose last call has ended. If closing fails, the result of the call stays."""
        for http in [http for http, calls in self._in_flight.items() if calls == 0]:
            del self._in_flight[http]
            if http is not self._http:
                with anyio.CancelScope(shield=True), contextlib.suppress(Exception):
                    await http.aclose()

    def abandon(self) -> None:
        """Does nothing: httpx gives no access to its sockets."""

    def disown(self) -> None:
        """Does nothing: httpx's sockets stay open in a forked process, which does not use them."""

    async def aclose(self) -> None:
        """Close all connections."""
        for http in {self._http, *self._in_flight}:
            await http.aclose()


class Http2Transport(httpx.AsyncBaseTransport):
    """A transport that offers HTTP/2.

    Args:
        ssl_context: the TLS context for https.
        limits: limits of httpx's pool.
        proxy: the proxy for every request; None for no proxy.
        max_body: the most bytes of a body over HTTP/1.1.
    """

    def __init__(
        self,
        *,
        ssl_context: ssl.SSLContext,
        limits: httpx.Limits,
        proxy: httpx.Proxy | None = None,
        max_body: int = 32 * 1024 * 1024,
    ) -> None:
        self._inner = httpx.AsyncHTTPTransport(verify=ssl_context, http2=True, limits=limits, proxy=proxy)
        self._max_body = max_body

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`. A response over HTTP/1.1 has its whole body.

        Raises:
            httpx.TransportError: as `httpx.AsyncHTTPTransport` does.
            AnswerTooLargeError, DecodingError: the body over HTTP/1.1 cannot be used.
        """
        response = await self._inner.handle_async_request(request)
        if response.http_version == "HTTP/2":
            return response
        try:
            body = await self._read(response)
        finally:
            # httpx does not reuse a connection if its socket is shut down. So this is done before `aclose`.
            _end(response.extensions["network_stream"].get_extra_info("socket"))
            with anyio.CancelScope(shield=True):
                await response.aclose()
        headers = [(name, value) for name, value in response.headers.raw if name.lower() != b"content-encoding"]
        return httpx.Response(response.status_code, headers=headers, content=body, extensions=response.extensions)

    async def _read(self, response: httpx.Response) -> bytes:
        body = bytearray()
        stream = cast("httpx.AsyncByteStream", response.stream)
        # Not with `aiter_raw`, which returns the connection to the pool at the end of the body.
        async with contextlib.aclosing(cast("AsyncGenerator[bytes]", aiter(stream))) as parts:
            async for part in parts:
                body += part
                if len(body) > self._max_body:
                    problem = f"the body of the answer is larger than {self._max_body} bytes"
                    raise AnswerTooLargeError(problem, response.status_code)
        return decoded(bytes(body), response.headers.raw, self._max_body, response.status_code)

    async def aclose(self) -> None:
        await self._inner.aclose()


def _end(sock: socket.socket) -> None:
    """End the connection of a socket that belongs to a loop. The loop still has to close it."""
    # Uses a second descriptor, because uvloop's socket objects have no shutdown().
    with contextlib.suppress(OSError), socket.fromfd(sock.fileno(), sock.family, sock.type) as twin:
        twin.shutdown(socket.SHUT_RDWR)
