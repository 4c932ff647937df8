"""The start of the command line: `eightbyeight` and `python -m eightbyeight_async`. It needs the extra `[cli]`."""

from __future__ import annotations

import signal
import sys
from importlib.util import find_spec

__all__ = ["main"]


def main() -> int:
    """Run the command line with the arguments of this process; return its exit code."""
    missing = [name for name in ("cyclopts", "rich") if find_spec(name) is None]
    if missing:
        needs = " and ".join(missing)
        print(f'eightbyeight: the command line needs {needs}: pip install "eightbyeight-async[cli]"', file=sys.stderr)  # noqa: T201
        return 2
    # Service managers stop a program with SIGTERM, so SIGTERM acts like Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        from eightbyeight_async.cli.entry import run_command_line  # noqa: PLC0415 - may be missing, and takes longer to import than the check above
    except KeyboardInterrupt:
        print("eightbyeight: interrupted; nothing was sent", file=sys.stderr)  # noqa: T201
        return 130
    return run_command_line(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
