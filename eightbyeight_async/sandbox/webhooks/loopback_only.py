"""Which callback URLs the sandbox may POST to: this machine's, for certain, and no other. Ever.

A test that forgot to change a real callback URL must not reach anybody. So the host is a loopback address
written as one, or "localhost", which is never looked up: it is 127.0.0.1. The URL is judged as the very object
that is then asked for, so that no second parser can read another host out of it.
"""

import functools
import ipaddress
import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL


@functools.lru_cache(maxsize=1024)
def loopback_url(url: str) -> URL | None:
    """The URL to ask for; None for one that is not certainly of this machine."""
    try:
        parsed = URL(url)
        host = parsed.host or ""
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return None
    return parsed if local and parsed.scheme in ("http", "https") else None


class LoopbackResolver(AbstractResolver):
    """Knows one name."""

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
