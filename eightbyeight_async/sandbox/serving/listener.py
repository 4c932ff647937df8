"""The listener of one host: accepts connections, makes TLS handshakes, and closes everything at the end.

It does not use `create_server`, but accepts connections itself, with one task for each handshake. Only in this way can
it count and close connections that never finish their handshake.
"""

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Awaitable, Callable

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.web_protocol import RequestHandler

from eightbyeight_async.sandbox.control.traffic import Traffic
from eightbyeight_async.sandbox.serving.silent_logger import QUIET

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

BACKLOG = 4096
HANDSHAKE_TIMEOUT = 15.0  # seconds
SHUTDOWN_TIMEOUT = 1.0  # seconds to wait for the peer's close_notify
MAX_BODY = 64 * 2**20  # bytes; 10,000 messages of ten parts each take about 20 MB
# The least and the most loop turns for aborted connections and cancelled handshakes to finish; they need two or three.
_LEAST_TICKS, _MOST_TICKS = 5, 50
_PORT_TAKEN = (errno.EADDRINUSE, errno.EACCES)


def bind(port: int) -> list[socket.socket]:
    """Listening sockets on 127.0.0.1 and, if the machine has it, on ::1, both on the same port.

    Two sockets, because "localhost" may mean either address. Port 0 stands for any free port. Raises OSError with a
    message that names the port.
    """
    last: OSError | None = None
    for _ in range(20 if port == 0 else 1):
        first = _listen(socket.AF_INET, "127.0.0.1", port)
        if not socket.has_ipv6:
            return [first]
        try:
            return [first, _listen(socket.AF_INET6, "::1", first.getsockname()[1])]
        except OSError as problem:
            if problem.errno not in _PORT_TAKEN:
                return [first]  # this machine has no IPv6 loopback address
            first.close()
            last = problem
    raise last or OSError("no free port")


def _listen(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setblocking(False)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind((address, port))
        listening.listen(BACKLOG)
    except OSError as problem:
        listening.close()
        raise OSError(
            problem.errno, f"the sandbox cannot listen on {address} port {port}: {problem.strerror}"
        ) from problem
    return listening


class Listener:
    """Serves the given listening sockets; `run` closes them at its end.

    `keep_alive`: seconds that an idle connection is kept.
    """

    def __init__(
        self,
        sockets: list[socket.socket],
        context: ssl.SSLContext,
        handler: Handler,
        traffic: Traffic,
        keep_alive: float,
    ) -> None:
        self._sockets = sockets
        self._keep_alive = keep_alive
        self._context = context
        self._handler = handler
        self._traffic = traffic
        self._opening: set[socket.socket] = set()

    async def run(self) -> None:
        """Serve until cancelled, then close every socket and connection."""
        server = _CountingServer(self._handler, self._traffic, self._keep_alive)
        try:
            async with asyncio.TaskGroup() as group:
                for listening in self._sockets:
                    group.create_task(self._accept(listening, server))
        finally:
            for listening in self._sockets:
                listening.close()
            for transport in server.transports:
                transport.abort()
            for tick in range(_MOST_TICKS):
                await asyncio.sleep(0)
                if tick >= _LEAST_TICKS and not server.transports:
                    break
            # these connections were accepted, but their handshake tasks were cancelled before their first step
            for connection in self._opening:
                connection.close()

    async def _accept(self, listening: socket.socket, server: "_CountingServer") -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as handshakes:
            while True:
                try:
                    connection, _ = await loop.sock_accept(listening)
                except OSError:  # no file descriptor is left: waits until some are closed
                    await asyncio.sleep(0.05)
                    continue
                self._traffic.connections += 1
                self._opening.add(connection)
                handshakes.create_task(self._shake_hands(connection, server))

    async def _shake_hands(self, connection: socket.socket, server: "_CountingServer") -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                server,
                connection,
                ssl=self._context,
                ssl_handshake_timeout=HANDSHAKE_TIMEOUT,
                ssl_shutdown_timeout=SHUTDOWN_TIMEOUT,
            )
        except OSError:  # ssl.SSLError and TimeoutError are OSErrors
            self._traffic.failed_handshakes += 1
        self._opening.discard(connection)


class _CountingServer(web.Server):
    """aiohttp's low-level server that also keeps its open transports and counts connections and TLS versions."""

    def __init__(self, handler: Handler, traffic: Traffic, keep_alive: float) -> None:
        super().__init__(
            handler,
            keepalive_timeout=keep_alive,
            request_factory=_request,
            handler_cancellation=True,  # when a client closes the connection, its handler ends, even if it sleeps
            access_log=None,
            logger=QUIET,
        )
        self._traffic = traffic
        self.transports: set[asyncio.Transport] = set()
        self._transport_of: dict[RequestHandler, asyncio.Transport] = {}

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        self.transports.add(transport)
        self._transport_of[handler] = transport
        self._traffic.open_connections += 1
        tls = transport.get_extra_info("ssl_object")
        self._traffic.handshakes[tls.version()] += 1

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        with contextlib.suppress(KeyError):
            self.transports.discard(self._transport_of.pop(handler))
            self._traffic.open_connections -= 1


def _request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=MAX_BODY)
