"""Reads durations of options: `90`, `90s`, `30m`, `2h`. Pure."""

from __future__ import annotations

import re

from eightbyeight_async.cli.exit_codes import UsageError

__all__ = ["seconds_of"]

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


def seconds_of(text: str | None, option: str) -> float:
    """The seconds of a duration; 0 for None.

    Raises:
        UsageError: the text is not a duration. The error names `option`.
    """
    if text is None:
        return 0.0
    found = re.fullmatch(r"([0-9]{1,7}(?:\.[0-9]{1,3})?)([smh]?)", text.strip())
    if found is None:
        raise UsageError(f"{option}: must be a duration such as 90s, 30m or 2h")
    return float(found[1]) * _UNITS[found[2]]
