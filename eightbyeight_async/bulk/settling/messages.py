"""The messages of an open store: their rows, and settling by hand. Base of `Campaign` and `Ledger`."""

from __future__ import annotations

from collections.abc import AsyncIterator

from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.bulk.store.records import MessageRow
from eightbyeight_async.bulk.store.writer_thread import Writer
from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.frame_privacy import private_coroutine

__all__ = ["Messages"]


class Messages:
    """The methods that `Campaign` and `Ledger` share."""

    _writer: Writer

    def _check_open(self) -> None:
        """Raises RuntimeError if the store is not open, or was opened in another process or event loop."""

    async def rows(self, state: State | None = None) -> AsyncIterator[MessageRow]:
        """Yields the messages in the order of their claims; only those in `state` if it is given."""
        self._check_open()
        last = 0
        while True:
            after = last
            page = await self._writer.do(lambda store: store.page(after, state))  # noqa: B023 - awaited here
            for _, row in page:
                yield row
            if not page:
                return
            last = page[-1][0]

    def unknown(self) -> AsyncIterator[MessageRow]:
        """The messages that may have been sent: `async for row in ….unknown()`."""
        return self.rows(State.UNKNOWN)

    @private_coroutine
    async def resolve(self, key: str, *, sent: bool) -> None:
        """Settles an UNKNOWN message by hand. With `sent=False` the next run, or `send_once`, sends it.

        Raises:
            InvalidRequestError: no UNKNOWN message has this key.
        """
        self._check_open()
        state = State.SENT if sent else State.NOT_SENT
        if not await self._writer.do(lambda store: store.resolve(key, state), writes=True):
            raise InvalidRequestError("key", "no message whose outcome is unknown has it")
