"""From an origin to an open connection: names, addresses, TCP, TLS.

Rule of this file: whatever goes wrong here is `httpx.ConnectError` or `httpx.ConnectTimeout`, in one line, with the
system's own exception as its cause. No byte of a request exists yet.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, NamedTuple

import httpx

from eightbyeight_async.transport.connection import Connection

if TYPE_CHECKING:
    import ssl

    from eightbyeight_async.transport.connection import Owner

__all__ = ["Origin", "Settings", "open_connection"]

_NEXT_ADDRESS_AFTER = 2.0
# Seconds an address has while there is another one: a machine whose IPv6 leads nowhere would wait minutes for the
# kernel to give up. One after the other and not side by side (RFC 8305): asyncio's happy eyeballs lose the socket
# of a connection that succeeds while it is cancelled.


class Origin(NamedTuple):
    """Whom a connection is with; connections are shared only among requests for the same."""

    scheme: bytes
    host: bytes
    port: int | None
    sni: str | None = None


class Settings(NamedTuple):
    """What is the same for all connections of a transport."""

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
    """Open a connection within `limit`, which the caller may also bring forward to give up.

    Raises:
        httpx.ConnectError, httpx.ConnectTimeout
    """
    loop = asyncio.get_running_loop()
    secure = origin.scheme == b"https"
    host = origin.host.decode("ascii")
    connection = Connection(
        loop,
        owner,
        ssl_context=settings.ssl_context if secure else None,
        server_hostname=origin.sni or host,
        max_body=settings.max_body,
    )
    try:
        async with limit:
            await _reach(loop, connection, host, origin.port or (443 if secure else 80))
            await connection.opened()
    except BaseException as error:
        connection.close()
        # The loop closes what it was still setting up, but uvloop forgets to say so. One turn later it is true.
        loop.call_soon(owner.gone, connection)
        if not isinstance(error, (OSError, UnicodeError, OverflowError)):  # ssl.SSLError, TimeoutError: OSErrors
            raise
        if limit.expired():
            raise httpx.ConnectTimeout("the server did not accept a connection in time") from error
        raise httpx.ConnectError(f"no connection to {host}: {error}") from error
    return connection


async def _reach(loop: asyncio.AbstractEventLoop, connection: Connection, host: str, port: int) -> None:
    """Connects to the first address of the host that takes it.

    Raises:
        OSError: none did; the last one's reason.
    """
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for left, (family, _, _, _, address) in zip(range(len(found) - 1, -1, -1), found, strict=True):
        try:
            async with asyncio.timeout(_NEXT_ADDRESS_AFTER if left else None):
                await loop.create_connection(lambda: connection, str(address[0]), port, family=family)
        except OSError:  # TimeoutError is one
            if not left:
                raise
        else:
            return
