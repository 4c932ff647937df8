"""Which way the messages go, and why. Pure."""

from __future__ import annotations

from typing import Literal

__all__ = ["FEW", "Mode", "choose_mode"]

Mode = Literal["auto", "each", "batch"]

# Up to here one POST a message takes less than a second of the API's 1,800 a second, and a lost answer is one message.
FEW = 1_000


def choose_mode(asked: Mode, many: bool | None) -> tuple[Literal["each", "batch"], str]:
    """The mode and the reason. `many`: whether there are more than `FEW` messages; None: not looked at."""
    if asked != "auto":
        return asked, "asked for"
    if many:
        return "batch", f"more than {FEW:,} messages: 8x8 advises the batch endpoint for volume"
    return "each", f"no more than {FEW:,} messages: a lost answer then leaves one in doubt, not a whole batch"
