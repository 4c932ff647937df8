"""Entry point of `eightbyeight` and `python -m eightbyeight_async`. The command line itself is the extra `[cli]`."""

from __future__ import annotations

import signal
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["main"]


def main() -> int:
    """Runs the command line with the arguments of this process.

    Returns:
        The exit code. 2 if the extra `[cli]` is not installed.
    """
    missing = [name for name in ("cyclopts", "phonenumbers", "rich") if find_spec(name) is None]
    if missing:
        needs = " and ".join(missing)
        print(f'eightbyeight: the command line needs {needs}: pip install "eightbyeight-async[cli]"', file=sys.stderr)  # noqa: T201
        return 2
    _handle_signals()
    arguments = sys.argv[1:]
    try:
        from eightbyeight_async.cli.first_page import print_first_page  # noqa: PLC0415 - needs the extra

        if (code := print_first_page(arguments)) is not None:
            return code
        from eightbyeight_async.cli.entry import run_command_line  # noqa: PLC0415 - needs the extra
    except KeyboardInterrupt:
        print("eightbyeight: interrupted; nothing was sent", file=sys.stderr)  # noqa: T201
        return 130
    return run_command_line(arguments)


def _handle_signals() -> None:
    """SIGTERM (a service is stopped) and SIGHUP (the terminal is closed) end a command like Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    hangup = getattr(signal, "SIGHUP", None)  # Windows has no SIGHUP.
    if hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN:  # `nohup` ignores SIGHUP

        def hang_up(number: int, frame: FrameType | None) -> None:
            signal.signal(number, signal.SIG_IGN)  # The shell and the kernel both send SIGHUP: ignore the second one.
            signal.default_int_handler(number, frame)

        signal.signal(hangup, hang_up)


if __name__ == "__main__":
    sys.exit(main())
