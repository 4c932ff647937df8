"""Reading the body of a response of httpx, so that no generator of httpx is left to the garbage collector."""

from __future__ import annotations

from contextlib import aclosing, asynccontextmanager, suppress
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    import httpx

__all__ = ["body_pieces"]


@asynccontextmanager
async def body_pieces(response: httpx.Response, given: AsyncIterator[bytes]) -> AsyncIterator[AsyncGenerator[bytes]]:
    """The pieces of a body. If they are left before their end, the response is closed, and then read on.

    Else httpx would leave generators to the garbage collector, of which trio warns. A closed response ends them all.
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
