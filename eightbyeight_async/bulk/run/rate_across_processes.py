"""`SharedTurns`: the pace of a run, if several processes share one pace. `ledger.shared_pace` implements it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import anyio

__all__ = ["SharedTurns"]


class SharedTurns(Protocol):
    """Gives turns to this process. The methods that do not wait are those of `AdaptiveRate`."""

    @property
    def rate(self) -> float | None: ...
    def paused_for(self) -> float: ...
    def pause(self, seconds: float) -> None: ...
    def give_back(self) -> None: ...
    def refused(self, sent_at: float, retry_after: float | None) -> None: ...

    async def turn(self, halt: anyio.Event) -> bool:
        """Waits for the next moment to send; False: `halt` was set meanwhile, so do not send."""
        ...

    async def close(self) -> None: ...
