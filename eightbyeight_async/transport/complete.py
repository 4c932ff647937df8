"""An `httpx.Response` whose body is in memory already, and that can be read without the machinery for streams.

`httpx.Response.read()` sends a body through a decoder, a chunker and two generators: 16 us, for the 200 bytes that
lie in front of it. Until `settle()` is called, this is an ordinary response with a `ByteStream`, for whoever drives
it the ordinary way; afterwards it is one that has been read and closed. Only public methods are overridden.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from typing import Any

__all__ = ["CompleteResponse"]


class CompleteResponse(httpx.Response):
    """An answer with its body.

    Args:
        status_code, headers, extensions: as for `httpx.Response`.
        body: as it came, without transfer encoding.
        plain: the caller has looked: the headers name no encoding, cookie or other place.
    """

    def __init__(
        self,
        status_code: int,
        *,
        headers: httpx.Headers | list[tuple[bytes, bytes]],
        body: bytes,
        extensions: dict[str, Any],
        plain: bool,
    ) -> None:
        super().__init__(status_code, headers=headers, stream=httpx.ByteStream(body), extensions=extensions)
        self.plain = plain
        self.__body = body
        self.__settled = False

    def settle(self) -> None:
        """Read and close it, without waiting for anything; for a `plain` one only."""
        self.__settled = self.is_closed = self.is_stream_consumed = True

    @property
    def content(self) -> bytes:
        return self.__body if self.__settled else super().content

    @property
    def num_bytes_downloaded(self) -> int:
        return len(self.__body) if self.__settled else super().num_bytes_downloaded

    def read(self) -> bytes:
        return self.__body if self.__settled else super().read()

    async def aread(self) -> bytes:
        return self.__body if self.__settled else await super().aread()

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        return self.__pieces(chunk_size) if self.__settled else super().iter_bytes(chunk_size)

    async def aiter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        if self.__settled:
            for piece in self.__pieces(chunk_size):
                yield piece
        else:
            async for piece in super().aiter_bytes(chunk_size):
                yield piece

    def __pieces(self, chunk_size: int | None) -> Iterator[bytes]:
        size = chunk_size or len(self.__body) or 1
        for start in range(0, len(self.__body), size):
            yield self.__body[start : start + size]
