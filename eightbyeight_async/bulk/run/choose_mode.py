"""Chooses between single messages and batches. Pure."""

from __future__ import annotations

from typing import Literal

__all__ = ["FEW", "Mode", "choose_mode"]

Mode = Literal["auto", "each", "batch"]

# Up to this number of messages, one POST for each takes less than a second (8x8 allows 1,800 a second), and a lost
# response leaves one message in doubt, not a whole batch.
FEW = 1_000


def choose_mode(asked: Mode, many: bool | None) -> tuple[Literal["each", "batch"], str]:
    """Returns the mode and the reason.

    Args:
        asked: the caller's choice.
        many: whether the input has more than `FEW` messages; None: not counted.
    """
    if asked != "auto":
        return asked, "asked for"
    if many:
        return "batch", f"more than {FEW:,} messages: 8x8 advises the batch endpoint for volume"
    return "each", f"no more than {FEW:,} messages: a lost answer then leaves one in doubt, not a whole batch"
