"""Reads the body of an httpx response, and leaves no generator of httpx to the garbage collector."""

from __future__ import annotations

from contextlib import aclosing, asynccontextmanager, suppress
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    import httpx

__all__ = ["body_pieces"]


@asynccontextmanager
async def body_pieces(response: httpx.Response, given: AsyncIterator[bytes]) -> AsyncIterator[AsyncGenerator[bytes]]:
    """Yields the pieces of a body. If the block raises an Exception, the response is closed, and then read to its end.

    Otherwise the garbage collector would have to close generators of httpx, and trio warns about that. Reading a closed
    response ends all of these generators.
    """
    async with aclosing(cast("AsyncGenerator[bytes]", given)) as pieces:
        try:
            yield pieces
        except Exception:
            await response.aclose()
            with suppress(Exception):
                while await anext(pieces, None) is not None:
                    pass
            raise
