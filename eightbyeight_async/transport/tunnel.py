"""Opens a line to an origin, directly or through a proxy: HTTP CONNECT (to the proxy by http or https) or SOCKS5.

Rule: every failure here is a one-line `ConnectError`, `ConnectTimeoutError` or `ProxyError`. No byte of a request has
been written by then, so the message was not sent.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from functools import cache
from typing import TYPE_CHECKING

import anyio

from eightbyeight_async.transport.anyio_socket import AnyioLine, connected
from eightbyeight_async.transport.tls import default_context
from eightbyeight_async.transport.wire_errors import (
    ConnectError,
    ConnectTimeoutError,
    ProxyError,
    ReadError,
    WriteError,
)

if TYPE_CHECKING:
    import ssl

    import httpx

    from eightbyeight_async.transport.request import Origin

__all__ = ["open_line"]

_MAX_HEAD = 64 * 1024
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})[ \r]")
_proxy_context = cache(default_context)  # for a proxy, TLS 1.2 is enough
_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}

_NO_PASSWORD, _PASSWORD = 0, 2  # the SOCKS5 methods of authentication (RFC 1928, section 3)
_IPV4, _HOST_NAME, _IPV6 = 1, 3, 4  # the kinds of an address (section 5)
_ADDRESS_SIZES = {_IPV4: 4, _IPV6: 16}


async def open_line(
    origin: Origin, ssl_context: ssl.SSLContext, proxy: httpx.Proxy | None, seconds: float | None
) -> AnyioLine:
    """Opens, within `seconds`, a line over which a request to `origin` can be written.

    Raises:
        ConnectError, ConnectTimeoutError: no connection, or TLS failed.
        ProxyError: the proxy refused, or used another protocol.
    """
    host = origin.host
    port = origin.port or _PORTS[origin.scheme]
    line: AnyioLine | None = None
    try:
        with anyio.move_on_after(seconds):
            if proxy is None:
                line = await connected(host, port)
            else:
                line = await connected(proxy.url.host, proxy.url.port or _PORTS[proxy.url.scheme])
                await _pass_through(line, proxy, host, port)
            if origin.scheme == "https":
                await line.start_tls(ssl_context, host)
            return line
    except BaseException as error:
        if line is not None:
            line.close()
        # ssl.SSLError is an OSError.
        if not isinstance(error, OSError | UnicodeError | OverflowError | ConnectError | ReadError | WriteError):
            raise
        raise ConnectError(f"no connection to {host}: {error}") from error
    if line is not None:
        line.close()
    raise ConnectTimeoutError("the server did not accept a connection in time")


async def _pass_through(line: AnyioLine, proxy: httpx.Proxy, host: str, port: int) -> None:
    if proxy.url.scheme.startswith("socks5"):
        await _socks(line, proxy, host, port)
        return
    if proxy.url.scheme == "https":
        await line.start_tls(proxy.ssl_context or _proxy_context(), proxy.url.host)
    await _connect(line, proxy, host, port)


async def _connect(line: AnyioLine, proxy: httpx.Proxy, host: str, port: int) -> None:
    """HTTP CONNECT (RFC 9110, section 9.3.6)."""
    await line.write(_connect_head(proxy, host, port), None)
    answer = b""
    while b"\r\n\r\n" not in answer:
        data = await line.read(None)
        answer += data
        if not data or len(answer) > _MAX_HEAD:
            raise ProxyError("the proxy did not answer with HTTP")
    status = _STATUS.match(answer)
    if status is None:
        raise ProxyError("the proxy did not answer with HTTP")
    if not 200 <= int(status[1]) < 300:
        raise ProxyError(f"the proxy answered {int(status[1])}")
    if not answer.endswith(b"\r\n\r\n") or answer.count(b"\r\n\r\n") > 1:
        # In TLS the client sends first, so these bytes are wrong.
        raise ProxyError("the proxy sent more than its answer")


def _connect_head(proxy: httpx.Proxy, host: str, port: int) -> memoryview:
    # A memoryview: a traceback shows the values of locals, but not its bytes, and these contain a password.
    target = b"%s:%d" % (f"[{host}]".encode() if ":" in host else host.encode(), port)
    headers = [(b"Host", target), (b"Accept", b"*/*")]
    if proxy.raw_auth is not None:
        headers.append((b"Proxy-Authorization", b"Basic " + base64.b64encode(b":".join(proxy.raw_auth))))
    own = {name.lower() for name, _ in proxy.headers.raw}
    headers = [*(header for header in headers if header[0].lower() not in own), *proxy.headers.raw]
    lines = [b"CONNECT %s HTTP/1.1" % target, *(b"%s: %s" % header for header in headers), b"", b""]
    return memoryview(b"\r\n".join(lines))


async def _socks(line: AnyioLine, proxy: httpx.Proxy, host: str, port: int) -> None:
    """SOCKS5 (RFC 1928), with user name and password (RFC 1929) if there are any. The proxy looks the name up."""
    reader = _Exactly(line)
    method = _NO_PASSWORD if proxy.raw_auth is None else _PASSWORD
    await line.write(bytes([5, 1, method]), None)
    if await reader.take(2) != bytes([5, method]):
        raise ProxyError("the proxy refused the way to authenticate")
    if proxy.raw_auth is not None:
        if max(map(len, proxy.raw_auth)) > 255:
            raise ProxyError("the proxy's user name or password is longer than 255 bytes")
        await line.write(memoryview(b"\1" + b"".join(bytes([len(word)]) + word for word in proxy.raw_auth)), None)
        if (await reader.take(2))[1:] != b"\0":
            raise ProxyError("the proxy refused the user name and password")
    await line.write(b"\5\1\0" + _socks_address(host) + port.to_bytes(2, "big"), None)
    version, reply, _, kind = await reader.take(4)
    if version != 5 or reply != 0:
        raise ProxyError(f"the proxy answered {reply}")
    size = _ADDRESS_SIZES.get(kind) or (await reader.take(1))[0]
    await reader.take(size + 2)
    if reader.left:
        raise ProxyError("the proxy sent more than its answer")


def _socks_address(host: str) -> bytes:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if len(host) > 255:
            raise ProxyError("the host's name is longer than 255 bytes") from None
        return bytes([_HOST_NAME, len(host)]) + host.encode("ascii")
    return bytes([_IPV4 if address.version == 4 else _IPV6]) + address.packed


class _Exactly:
    """Reads a number of bytes from a line."""

    def __init__(self, line: AnyioLine) -> None:
        self._line = line
        self.left = b""

    async def take(self, size: int) -> bytes:
        while len(self.left) < size:
            data = await self._line.read(None)
            if not data:
                raise ProxyError("the proxy closed the connection")
            self.left += data
        taken, self.left = self.left[:size], self.left[size:]
        return taken
