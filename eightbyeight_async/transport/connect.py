"""Opens a connection to an origin: name lookup, TCP, TLS.

Rule: every failure here is a one-line `ConnectError` or `ConnectTimeoutError`, with the system's exception as
its cause. No byte of a request has been written by then.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, NamedTuple

from eightbyeight_async.transport.addresses import race
from eightbyeight_async.transport.connection import Connection
from eightbyeight_async.transport.wire_errors import ConnectError, ConnectTimeoutError

if TYPE_CHECKING:
    import ssl

    from eightbyeight_async.transport.connection import Owner
    from eightbyeight_async.transport.request import Origin

__all__ = ["Settings", "open_connection"]


class Settings(NamedTuple):
    """The settings of all connections of a transport.

    - `ssl_context`: for https.
    - `max_connections`: the most connections to one origin.
    - `keepalive_expiry`: seconds that an idle connection is kept.
    - `max_body`: the most bytes of an answer's body.
    """

    ssl_context: ssl.SSLContext
    max_connections: int
    keepalive_expiry: float
    max_body: int


async def open_connection(
    origin: Origin,
    settings: Settings,
    owner: Owner,
    limit: asyncio.Timeout,
) -> Connection:
    """Open a connection before `limit` ends. The caller can move `limit` to an earlier time meanwhile.

    Raises:
        ConnectError: the connection could not be opened.
        ConnectTimeoutError: `limit` expired.
    """
    loop = asyncio.get_running_loop()
    secure = origin.scheme == "https"
    host = origin.host
    connection = Connection(
        loop,
        owner,
        ssl_context=settings.ssl_context if secure else None,
        server_hostname=host,
        max_body=settings.max_body,
    )
    try:
        async with limit:
            await _reach(loop, connection, host, origin.port or (443 if secure else 80))
            await connection.opened()
    except BaseException as error:
        connection.close()
        # The loop closes a socket that it was still setting up, but uvloop does not report that (`connection_lost`). So
        # it is reported here, one loop turn later, when the socket is closed.
        loop.call_soon(owner.gone, connection)
        if not isinstance(error, (OSError, UnicodeError, OverflowError)):  # ssl.SSLError and TimeoutError are OSErrors
            raise
        if limit.expired():
            raise ConnectTimeoutError("the server did not accept a connection in time") from error
        raise ConnectError(f"no connection to {host}: {error}") from error
    return connection


async def _reach(loop: asyncio.AbstractEventLoop, connection: Connection, host: str, port: int) -> None:
    """Connect to the first address of the host that accepts.

    Raises:
        OSError: no address accepted.
    """
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys((family, address) for family, _, _, _, address in found))
    if len(addresses) == 1:
        family, address = addresses[0]
        await loop.create_connection(lambda: connection, str(address[0]), int(address[1]), family=family)
        return
    connected = await race(loop, addresses)
    try:
        await loop.create_connection(lambda: connection, sock=connected)
    except BaseException:
        connected.close()
        raise
