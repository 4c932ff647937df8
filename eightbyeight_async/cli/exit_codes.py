"""What the exit codes mean, and which one wins."""

from __future__ import annotations

import enum

from eightbyeight_async.errors import AuthenticationError, EightByEightError, InvalidRequestError, Sent

__all__ = ["MEANINGS", "Exit", "UsageError", "exit_after"]


class Exit(enum.IntEnum):
    """`UNKNOWN` wins over `AUTHENTICATION` and `REFUSED`: who runs a command again has to know of it first."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    AUTHENTICATION = 3
    UNKNOWN = 4
    INTERNAL = 70  # EX_SOFTWARE of sysexits.h
    INTERRUPTED = 130  # 128 + SIGINT, as shells have it


MEANINGS = (
    "Exit codes: 0 all accepted; 1 some refused, failed or not tried; 2 wrong arguments, settings or file, nothing "
    "was sent; 3 the API key was not accepted; 4 for some the outcome is unknown, they may have been sent; "
    "130 interrupted."
)


class UsageError(Exception):
    """The command cannot be carried out as given; nothing was sent. `str()` is shown as it is."""


def exit_after(error: EightByEightError) -> Exit:
    if error.sent is Sent.MAYBE:
        return Exit.UNKNOWN
    if isinstance(error, InvalidRequestError):
        return Exit.USAGE
    if isinstance(error, AuthenticationError):
        return Exit.AUTHENTICATION
    return Exit.REFUSED
