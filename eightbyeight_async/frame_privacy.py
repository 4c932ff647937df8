"""Empties the frames that a failed call leaves in tracebacks: their locals hold the API key, numbers and texts.

Error trackers (sentry-sdk), `traceback.TracebackException(capture_locals=True)` and `pytest -l` show the locals of all
frames of a traceback. The functions here drop those locals when an exception leaves this package. This costs no time in
a call that does not fail.

Rules:
- Only frames of this package and of the libraries that it uses are emptied. The frames of an application (its hooks,
  its transport, its iterable) keep their locals.
- Only a finished frame is emptied. `frame.clear()` of a suspended coroutine would close the coroutine, and a task that
  waits for it would wait for ever. If several tasks raise one exception object, its traceback has such frames.
- An exception that was being handled before the call (`__context__`) is not touched.
"""

from __future__ import annotations

import contextlib
import gc
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import FrameType, TracebackType
    from typing import Any

__all__ = ["empty_frames", "private_call", "private_coroutine"]

P = ParamSpec("P")
T = TypeVar("T")

# Top-level modules whose frames are emptied: this package, the libraries that it uses, the transports that applications
# use with httpx, and the tools that replace httpx's functions.
_EMPTIED = frozenset(
    {
        "eightbyeight_async",
        "httpx",
        "httpx2",
        "httpcore",
        "httpcore2",
        "h11",
        "h2",
        "hpack",
        "hyperframe",
        "socksio",
        "aiohttp",
        "httpx_aiohttp",
        "anyio",
        "sniffio",
        "trio",
        "outcome",
        "asyncio",
        "uvloop",
        "ssl",
        "socket",
        "contextlib",
        "json",
        "cattrs",
        "cattr",
        "attrs",
        "attr",
        "urllib",
        "csv",
        "wrapt",
        "opentelemetry",
        "sentry_sdk",
        "respx",
        "pytest_httpx",
        "vcr",
    }
)


def empty_frames(error: BaseException) -> None:
    """Empty the finished frames in the tracebacks of `error`, its causes, its contexts and the members of its groups.

    Call it in the `except` block that catches `error`, and raise `error` again. The frame of that block is still
    running and keeps its locals: `del` the private ones.
    """
    callers = _callers(error.__traceback__)
    waiting: list[BaseException | None] = [error]
    seen = {id(error)}
    while waiting:
        one = waiting.pop()
        if one is None:
            continue
        trace = one.__traceback__
        if trace is not None and id(trace.tb_frame) in callers:
            continue  # this exception was being handled before the call
        while trace is not None:
            _empty(trace.tb_frame)
            trace = trace.tb_next
        parts = one.exceptions if isinstance(one, BaseExceptionGroup) else ()
        for other in (one.__cause__, one.__context__, *parts):
            if id(other) not in seen:
                seen.add(id(other))
                waiting.append(other)


def private_call(function: Callable[P, T]) -> Callable[P, T]:
    """Decorate a function: no frame of an exception that leaves it has its arguments or locals of what it called."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            del args, kwargs
            empty_frames(error)
            raise

    return call


def private_coroutine(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """`private_call` for a coroutine function. It adds a frame to the stack, which `stacklevel` of a warning counts."""

    @wraps(function)
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await function(*args, **kwargs)
        except BaseException as error:
            del args, kwargs
            empty_frames(error)
            raise

    return call


def _callers(trace: TracebackType | None) -> set[int]:
    """The ids of the frames that called the frame of the `except` block. All of them are running."""
    found = set()
    frame = None if trace is None else trace.tb_frame.f_back
    while frame is not None:
        found.add(id(frame))
        frame = frame.f_back
    return found


def _empty(frame: FrameType) -> None:
    # A finished frame owns its code and its locals. A running or suspended frame only points to its coroutine, and has
    # no referents. Before Python 3.13 there is no other way to distinguish them; since 3.13 `clear` refuses a suspended
    # frame.
    name = frame.f_globals.get("__name__")
    if not isinstance(name, str) or name.partition(".")[0] not in _EMPTIED:
        return
    code = frame.f_code
    if any(one is code for one in gc.get_referents(frame)):
        with contextlib.suppress(RuntimeError):  # the frame runs again in another thread
            frame.clear()
