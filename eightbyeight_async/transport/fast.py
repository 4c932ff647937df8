"""Our transport for asyncio, uvloop included: HTTP/1.1, bytes in, bytes out.

Rules:
- The classes of `wire_errors` say whether a byte of the request may have been written.
- No request is written twice. If a reused connection turns out to be closed before the first write, it is replaced.
  Any other failure is an error.
- Every request returns its slot in the pool, also after an error, and after a cancellation at any await.

`anyio_transport` serves proxies and trio, `http2` HTTP/2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eightbyeight_async.transport.connect import Settings
from eightbyeight_async.transport.pool import Pool
from eightbyeight_async.transport.request_log import log_request
from eightbyeight_async.transport.wire_errors import ConnectError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from eightbyeight_async.transport.plain_answer import Answer
    from eightbyeight_async.transport.request import Origin, Outgoing, Timeouts

__all__ = ["FastTransport"]


class FastTransport:
    """The connections of one event loop.

    Args:
        ssl_context: the TLS context for https origins.
        max_connections: the most connections to one origin. Further requests wait in order of arrival.
        keepalive_expiry: seconds that an idle connection is kept. The default is 60, not httpx's 5: with 5, an
            application that sends messages only occasionally would need a TLS handshake (1.1 ms of CPU and two round
            trips) for each message.
        max_body: the most bytes of an answer's body, before and after decompression. A larger body raises
            AnswerTooLargeError.
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
        self._pools: dict[Origin, Pool] = {}
        self._closed = False

    @property
    def pools(self) -> Mapping[Origin, Pool]:
        """The pools by origin, for inspection."""
        return self._pools

    async def send(self, request: Outgoing, timeouts: Timeouts) -> Answer:
        """Send one request; return its whole answer.

        Raises:
            WireError: the exception of the phase that failed; see the rules at the top of this file.
        """
        origin = request.prepared.origin
        pool = self._pools.get(origin) or self._new_pool(origin)
        connection = pool.take()
        if connection is None:
            connection = await pool.acquire(timeouts.connect)
        while True:
            try:
                await connection.exchange(request, timeouts)
                answer = connection.answer.answer()
            except BaseException as error:
                if not (isinstance(error, ConnectError) and connection.used and not connection.written):
                    pool.discard(connection)
                    raise
            else:
                pool.release(connection)
                log_request(request.prepared, answer)
                return answer
            connection = await pool.replace(connection, timeouts.connect)

    def _new_pool(self, origin: Origin) -> Pool:
        if self._closed:
            raise ConnectError("the client was closed")
        pool = self._pools[origin] = Pool(origin, self._settings)
        return pool

    def abandon(self) -> None:
        """Release the connections without using the loop, because it is closed."""
        self._closed = True
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.forget()

    def disown(self) -> None:
        """Called in a forked process: releases the parent's sockets."""
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.disown()

    async def aclose(self) -> None:
        """Close all connections. Requests in flight fail. A second call does nothing."""
        self._closed = True
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.retire()
        for pool in pools.values():
            await pool.aclose()
