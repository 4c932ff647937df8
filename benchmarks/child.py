"""A client process: `python -m benchmarks.child '{"job": …, "fast": …, "options": {…}}'`.

Each measurement has a fresh process, so that memory, CPU time and imports of the contenders do not mix. With `fast` it
runs on uvloop. Without `fast`, uvloop, orjson and msgspec cannot be imported, even if they are installed. The result is
one line of JSON on stdout.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import sys
from typing import Any


def main() -> None:
    order: dict[str, Any] = json.loads(sys.argv[1])
    loop_factory = None
    if order["fast"]:
        loop_factory = importlib.import_module("uvloop").new_event_loop
    else:
        sys.modules.update({"uvloop": None, "orjson": None, "msgspec": None})  # type: ignore[dict-item]  # None: "cannot be imported"
    run = importlib.import_module(f"benchmarks.jobs.{order['job']}").run
    result = run(**order["options"])
    if inspect.iscoroutine(result):
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            result = runner.run(result)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
