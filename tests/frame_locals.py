"""Finds the secrets in a traceback with the locals of its frames, as error trackers, `capture_locals` and `pytest -l`
show it.
"""

from __future__ import annotations

import re
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from conftest import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CODE", "NUMBER", "TEXT", "frames_of", "leaks", "secrets_in"]

NUMBER = "+6598765432"
CODE = "QV-913375"  # with letters, because six digits are found by chance in times, identifiers and addresses
TEXT = f"Your login code is {CODE}"

_SECRETS = (KEY, NUMBER.removeprefix("+65"), CODE)
_FLOATS = re.compile(r"\d+\.\d+")
_TESTS = str(Path(__file__).parent)


def secrets_in(shown: str) -> list[str]:
    """Returns the secrets in a text. Floats do not count, because eight digits of a time can be those of the number."""
    without_floats = _FLOATS.sub("", shown)
    return [secret for secret in _SECRETS if secret in without_floats]


def frames_of(error: BaseException) -> Iterator[traceback.FrameSummary]:
    """Yields all frames except the tests' own: of the error, its causes and contexts, and the members of its groups."""
    waiting = [traceback.TracebackException.from_exception(error, capture_locals=True)]
    while waiting:
        one = waiting.pop()
        yield from (frame for frame in one.stack if not frame.filename.startswith(_TESTS))
        waiting += [other for other in (one.__cause__, one.__context__, *(one.exceptions or ())) if other is not None]


def leaks(error: BaseException) -> list[str]:
    """Returns the locals of those frames that show a secret, e.g. `exchange.py:run:body`."""
    frames = list(frames_of(error))
    assert frames, "no frame of the package: nothing was tested"
    return [
        f"{Path(frame.filename).name}:{frame.name}:{name}"
        for frame in frames
        for name, shown in (frame.locals or {}).items()
        if secrets_in(shown)
    ]
