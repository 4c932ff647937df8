"""The check that a callback URL is on this machine; the sandbox POSTs to no other URL.

If a test forgets to replace a real callback URL, it must not reach a real service.

Rules:
- The host is a literal loopback address, or "localhost". "localhost" is not looked up: it stands for 127.0.0.1.
- The request uses the same URL object that was checked. A second parser might read another host from the same string.
"""

import functools
import ipaddress
import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL


@functools.lru_cache(maxsize=1024)
def loopback_url(url: str) -> URL | None:
    """The parsed URL; None if it is not certain that it is on this machine."""
    try:
        parsed = URL(url)
        host = parsed.host or ""
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return None
    return parsed if local and parsed.scheme in ("http", "https") else None


class LoopbackResolver(AbstractResolver):
    """A resolver that knows only "localhost": 127.0.0.1."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if host != "localhost":
            raise OSError("only localhost is known here")
        return [
            ResolveResult(
                hostname=host,
                host="127.0.0.1",
                port=port,
                family=socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        pass
