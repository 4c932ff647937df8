"""Building of `httpx.Request` objects from cached parts, with the same result as `AsyncClient.build_request`.

`build_request` parses the URL, encodes and merges headers and copies the timeout for every request: 51 us, measured.
But a client has one URL for each operation, and its headers differ only in the body's length, so these are cached.

Rules: only public names of httpx are used. Requests of an application's own client are still made with its
`build_request`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Preparer"]

K = TypeVar("K")
V = TypeVar("V")

# Entries in each cache. Paths with an id are used once and pushed out; 512 entries keep the paths without one.
_KEPT = 512


class Preparer:
    """Makes the requests of one client.

    Args:
        headers: the headers of every request.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._fixed = dict(headers)
        self._urls: dict[str, tuple[httpx.URL, bytes]] = {}  # with the netloc, which httpx computes at each access
        self._headers: dict[tuple[bytes, int], httpx.Headers] = {}
        self._extensions: dict[float, dict[str, dict[str, float | None]]] = {}

    def request(self, method: str, url: str, body: bytes | None, timeout: float) -> httpx.Request:
        """Build one request.

        Args:
            method: the HTTP method.
            url: the absolute URL.
            body: the request body (JSON); None for no body.
            timeout: seconds for each phase. Waiting for the pool has no timeout, because the limiter is before it.
        """
        known = self._urls.get(url)
        if known is None:
            parsed = httpx.URL(url)
            known = _kept(self._urls, url, (parsed, parsed.netloc))
        parsed, netloc = known
        length = -1 if body is None else len(body)
        # The host is part of the key, because each product has its own host.
        headers = self._headers.get((netloc, length))
        if headers is None:
            headers = _kept(self._headers, (netloc, length), self._headers_for(netloc, length))
        extensions = self._extensions.get(timeout)
        if extensions is None:
            phases = {"connect": timeout, "read": timeout, "write": timeout, "pool": None}
            extensions = _kept(self._extensions, timeout, {"timeout": phases})
        return httpx.Request(
            method, parsed, headers=headers, stream=httpx.ByteStream(body or b""), extensions=extensions
        )

    def _headers_for(self, netloc: bytes, length: int) -> httpx.Headers:
        headers = {"Host": netloc.decode("ascii"), **self._fixed, "Accept-Encoding": "gzip, deflate"}
        if length >= 0:
            headers |= {"Content-Type": "application/json", "Content-Length": str(length)}
        return httpx.Headers(headers)


def _kept(cache: dict[K, V], key: K, value: V) -> V:
    if len(cache) >= _KEPT:
        cache.pop(next(iter(cache)))
    cache[key] = value
    return value
