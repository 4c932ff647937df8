"""Finds the secrets in a traceback with the locals of its frames, as error trackers, `capture_locals` and `pytest -l`
show it.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from conftest import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NUMBER", "SECRETS", "TEXT", "frames_of", "leaks"]

NUMBER = "+6598765432"
TEXT = "Your login code is 913375"
SECRETS = (KEY, "98765432", "913375")

_TESTS = str(Path(__file__).parent)


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
        if any(secret in shown for secret in SECRETS)
    ]
