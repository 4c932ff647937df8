"""`python -m benchmarks`: measures, prints tables and bars on stdout, and writes all rows as JSON.

The exit code is 0 if the measurements worked, i.e. every message arrived once. It does not depend on the bars.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.contenders import CONTENDERS
from benchmarks.figures import Bar, Row, render, render_bars
from benchmarks.measurements import MEASUREMENTS, measurement
from benchmarks.processes import Server
from benchmarks.settings import Settings, progress

_RESULTS = Path(__file__).with_name("results")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one short round, to see that everything works")
    parser.add_argument("--rounds", type=int, metavar="N", help="alternating rounds (default 5, with --quick 1)")
    parser.add_argument("--only", nargs="+", choices=MEASUREMENTS, default=list(MEASUREMENTS), metavar="NAME")
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS), metavar="NAME")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="file for the raw rounds (default: results/<time>.json)"
    )
    parser.add_argument(
        "--show", type=Path, nargs="+", metavar="FILE", help="measure nothing, print the tables of earlier runs"
    )
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()
    if arguments.show:
        for file in arguments.show:
            _print(json.loads(file.read_text()))
        return
    rounds: int = arguments.rounds or (1 if arguments.quick else 5)
    settings = Settings(rounds=rounds, quick=arguments.quick, contenders=tuple(arguments.contenders))
    began = time.perf_counter()
    found: dict[str, Any] = {"machine": machine.facts(), "quick": settings.quick, "rounds": rounds, "rows": {}}
    broken: dict[str, str] = {}
    with Server() as server:
        found["server"] = f"{server.loop}, httptools, TLS 1.3"
        for name in arguments.only:
            try:
                found["rows"][name] = measurement(name).run(settings, server)
            except RuntimeError as error:  # the process of this measurement failed; continue with the others
                broken[name] = str(error)
    found["seconds"] = round(time.perf_counter() - began)
    file = arguments.json or _RESULTS / f"{found['machine']['date'].replace(':', '')}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found, indent=1))
    _print(found)
    progress(f"took {found['seconds']} s, written to {file}")
    if broken:
        sys.exit("\n".join(f"{name} broke: {why}" for name, why in broken.items()))


def _print(found: dict[str, Any]) -> None:
    print(f"\n{machine.line(found['machine'])} Server: {found['server']}. {found['rounds']} rounds.")
    if found["quick"]:
        print("\nA quick run: it shows that everything works; its figures are not reliable.")
    bars: list[Bar] = []
    rows: list[Row]
    for name, rows in found["rows"].items():
        for table in measurement(name).tables(rows):
            if table.rows and len(table.header) > 1:
                print(f"\n{render(table)}")
        bars += measurement(name).bars(rows)
    if bars:
        print(f"\n{render_bars(bars)}")


if __name__ == "__main__":
    main()
