"""Exit codes: what each code means, and which code an error leads to."""

from __future__ import annotations

import enum

from eightbyeight_async.errors import AuthenticationError, EightByEightError, InvalidRequestError, Sent

__all__ = ["MEANINGS", "Exit", "UsageError", "exit_after"]


class Exit(enum.IntEnum):
    """Exit code of a command.

    If several codes apply, `UNKNOWN` has priority over `AUTHENTICATION` and `REFUSED`. Before users run the command
    again, they must know that messages may have been sent.
    """

    OK = 0
    REFUSED = 1
    USAGE = 2
    AUTHENTICATION = 3
    UNKNOWN = 4
    INTERNAL = 70  # EX_SOFTWARE of sysexits.h
    INTERRUPTED = 130  # 128 + SIGINT, as in shells


MEANINGS = (
    "Exit codes: 0 all messages accepted; 1 some messages refused, failed or not tried; 2 wrong arguments, settings "
    "or file, nothing was sent; 3 the API refused the key; 4 some messages may have been sent, their outcome is "
    "unknown; 130 interrupted by Ctrl-C, SIGTERM or a closed terminal (SIGHUP)."
)


class UsageError(Exception):
    """The arguments, the settings or a file are wrong; nothing was sent. `str()` is the text for the user."""


def exit_after(error: EightByEightError) -> Exit:
    """The exit code of a command that ends with this error."""
    if error.sent is Sent.MAYBE:
        return Exit.UNKNOWN
    if isinstance(error, InvalidRequestError):
        return Exit.USAGE
    if isinstance(error, AuthenticationError):
        return Exit.AUTHENTICATION
    return Exit.REFUSED
