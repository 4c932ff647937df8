"""The waits of `send-each` and `send-batch`: while the API cannot be reached, and when it asks for a pause.

Rules:
- Only a message that certainly did not go out is tried again: its connection failed before anything was written, or the
  API answered 429.
- With `--keep-trying`, both are tried again for that time. Without it, a message with a 429 fails, and the run stops
  when connections failed in a row, as `bulk run` does. If the run continued, it would read the whole file and send
  nothing.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

import anyio

from eightbyeight_async.bulk.run.adaptive_rate import DEFAULT_PAUSE
from eightbyeight_async.bulk.run.network import Network
from eightbyeight_async.errors import EightByEightError, RateLimitError, Sent, TransportError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Patience"]

T = TypeVar("T")
_NEVER_TRIED = "the run was stopped before this message was tried"


class Patience:
    """The pauses of one run.

    Args:
        keep_trying: seconds for which the run waits; 0: it does not wait.
        most: failed connections in a row after which the run stops, if it does not wait.
        stop: called with the reason when the run must stop.
        clock: monotonic, in seconds.
    """

    def __init__(
        self, keep_trying: float, most: int, stop: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._network = Network(clock, keep_trying)
        self._network.most = most
        self._keep_trying = keep_trying
        self._stop = stop
        self._clock = clock
        self._until = 0.0
        self._limited_since: float | None = None
        self._halt = anyio.Event()

    @property
    def paused(self) -> float:
        """Seconds until requests are sent again; 0: there is no pause."""
        return max(0.0, self._until - self._clock())

    @property
    def unreachable(self) -> float | None:
        """Seconds for which the run still tries to reach the API; None: it can be reached, as far as is known."""
        return self._network.left if self._keep_trying else None

    def halt(self) -> None:
        """Ends the present pause. No message is tried again."""
        self._halt.set()

    async def wait(self, seconds: float) -> None:
        """Waits for `seconds`, or until `halt` is called.

        Raises:
            TransportError: `halt` was called before the end; the message was not sent.
        """
        if seconds > 0:
            with anyio.move_on_after(seconds):
                await self._halt.wait()
                raise TransportError(_NEVER_TRIED, sent=Sent.NO)

    async def attempt(self, send: Callable[[], Awaitable[T]]) -> T:
        """Calls `send` until the API decides about the message.

        Raises:
            EightByEightError: the error of the last attempt. After `halt`, the error of a message that was never tried
                has `sent` NO.
        """
        last: EightByEightError | None = None
        while True:
            while (wait := self.paused) and not self._halt.is_set():
                with anyio.move_on_after(wait):
                    await self._halt.wait()
            if wait:  # `halt` was called during a pause
                raise last or TransportError(_NEVER_TRIED, sent=Sent.NO)
            began = self._clock()
            try:
                result = await send()
            except EightByEightError as error:
                pause = self._pause_after(error, began)
                if pause is None:
                    raise
                last, self._until = error, max(self._until, self._clock() + pause)
            else:
                self._answered()
                return result

    def _answered(self) -> None:
        self._network.answered()
        self._limited_since = None

    def _pause_after(self, error: EightByEightError, began: float) -> float | None:
        """Returns the seconds until the message is tried again; None: it is not tried again."""
        if isinstance(error, RateLimitError) and error.sent is Sent.NO:
            self._network.answered()
            return self._limited(error.retry_after or DEFAULT_PAUSE)
        if isinstance(error, TransportError):
            if error.sent is not Sent.NO:
                return None
            pause = self._network.failed(began)
            if self._network.given_up:
                self._stop(f"the API cannot be reached: {error}")
            return pause
        self._answered()
        return None

    def _limited(self, pause: float) -> float | None:
        if not self._keep_trying:
            return None
        now = self._clock()
        if self._limited_since is None:
            self._limited_since = now
        return pause if now + pause - self._limited_since <= self._keep_trying else None
