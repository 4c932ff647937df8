"""A request as bytes. All requests with the same method and URL share a head; a body is added to it.

Rules:
- No value can end a line or a header early: values have no control characters.
- An error names the header, never its value, because the API key is such a value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlsplit

from eightbyeight_async.transport.wire_errors import RequestRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Origin", "Outgoing", "Prepared", "Timeouts"]

# Characters that a path may contain, or that are already part of an encoding (RFC 3986, section 3.3).
_IN_A_PATH = "/%:@!$&'()*+,;=~"
_VALUE = re.compile(r"[\x20-\x7e\x80-\xff]*")


class Origin(NamedTuple):
    """The peer of a connection. A connection only serves requests of the same origin.

    - `scheme`: "https" or "http".
    - `host`: the host name or address.
    - `port`: the port; None for the scheme's default.
    """

    scheme: str
    host: str
    port: int | None


class Timeouts(NamedTuple):
    """Seconds for each phase of a request; None for no limit.

    - `connect`: to open a connection.
    - `write`: without progress while writing.
    - `read`: without progress while reading.
    """

    connect: float | None = None
    write: float | None = None
    read: float | None = None


class Prepared:
    """The common part of all requests with the same method and URL. Its repr shows nothing: the head has the API key.

    Args:
        method: the HTTP method.
        url: the absolute URL, in ASCII; its query is percent-encoded.
        headers: the headers, without Host and the headers about the body.

    Attributes:
        method, url, headers: as given.
        origin: the origin that the request goes to.
        bare: the bytes of a request without a body.
        start: the bytes of a request with a body, up to its length.

    Raises:
        RequestRefusedError: a part cannot be sent.
    """

    __slots__ = ("bare", "headers", "method", "origin", "start", "url")

    def __init__(self, method: str, url: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme not in ("https", "http") or not host:
            raise RequestRefusedError("the URL is neither https:// nor http:// with a host")
        target = quote(parts.path or "/", safe=_IN_A_PATH) + (f"?{parts.query}" if parts.query else "")
        port = None if parts.port == {"https": 443, "http": 80}[parts.scheme] else parts.port
        self.method: str = method
        self.url: str = url
        self.headers: Mapping[str, str] = headers
        self.origin: Origin = Origin(parts.scheme, host, port)
        shown = f"[{host}]" if ":" in host else host
        if port is not None:
            shown += f":{port}"
        lines = [f"{method} {target} HTTP/1.1"]
        for name, value in {"Host": shown, **headers, "Accept-Encoding": "gzip, deflate"}.items():
            if not _VALUE.fullmatch(value) or value.strip() != value:
                raise RequestRefusedError(f"the value of the header {name} has characters that are not allowed")
            lines.append(f"{name}: {value}")
        head = "\r\n".join(lines).encode("latin-1")
        self.bare: bytes = head + b"\r\n\r\n"
        self.start: bytes = head + b"\r\nContent-Type: application/json\r\nContent-Length: "


class Outgoing:
    """One request. Its repr shows nothing, because tools show the locals of frames.

    Args:
        prepared: the common part.
        body: the body (JSON); None for no body.
    """

    __slots__ = ("body", "prepared")

    def __init__(self, prepared: Prepared, body: bytes | None) -> None:
        self.prepared: Prepared = prepared
        self.body: bytes | None = body

    def data(self) -> bytes:
        """The bytes to write."""
        body = self.body
        return self.prepared.bare if body is None else b"%b%d\r\n\r\n%b" % (self.prepared.start, len(body), body)
