"""A profile of `send_each` with cProfile: the own time of each function, in microseconds a message.

`python -m benchmarks.hotspots [--contender NAME] [--in-flight N] [--messages N] [--top N]`

cProfile about doubles the time of Python code and adds nothing to C code. So only the order of the functions is
reliable.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contenders import CONTENDERS, Target, opened
from benchmarks.processes import Server
from benchmarks.server import fast_loop_factory

if TYPE_CHECKING:
    from types import CodeType


async def _profiled(contender: str, target: Target, in_flight: int, messages: int) -> cProfile.Profile:
    profile = cProfile.Profile()
    async with opened(contender, target, in_flight) as sender:
        await sender.send_all(0, max(in_flight, 100))
        profile.enable()
        await sender.send_all(in_flight, messages)
        profile.disable()
    return profile


def main() -> None:
    parser = argparse.ArgumentParser(description="Profile one contender.")
    parser.add_argument("--contender", choices=CONTENDERS, default="sdk")
    parser.add_argument("--in-flight", type=int, default=100)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--top", type=int, default=25)
    arguments = parser.parse_args()
    loop_factory = fast_loop_factory() if CONTENDERS[arguments.contender].loop != "asyncio" else None
    with Server() as server, asyncio.Runner(loop_factory=loop_factory) as runner:
        target = Target(url=server.url, ca_file=server.ca_file)
        profile = runner.run(_profiled(arguments.contender, target, arguments.in_flight, arguments.messages))
    found = sorted(profile.getstats(), key=lambda entry: -entry.inlinetime)
    per_message = 1e6 / arguments.messages
    print(f"{sum(entry.inlinetime for entry in found) * per_message:.0f} microseconds a message under cProfile\n")
    print("| own | with callees | calls a message | function |\n| --: | --: | --: | --- |")
    for entry in found[: arguments.top]:
        print(
            f"| {entry.inlinetime * per_message:.1f} | {entry.totaltime * per_message:.1f} "
            f"| {entry.callcount / arguments.messages:.1f} | `{_name(entry.code)}` |"
        )


def _name(code: str | CodeType) -> str:
    if isinstance(code, str):
        return code.strip("<>")
    return f"{code.co_qualname} ({Path(code.co_filename).name}:{code.co_firstlineno})"


if __name__ == "__main__":
    main()
