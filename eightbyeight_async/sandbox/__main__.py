"""`python -m eightbyeight_async.sandbox`: a sandbox in its own process, controlled over standard input.

The first line it prints is the environment for a client, as JSON. Then it reads commands, one a line, and answers
each with one line: `{"result": ...}` or `{"error": ...}`. The commands are `counts`, `totals`,
`faults NAME=RATE ...`, `advance SECONDS`, `reset` and `stop`. It ends at `stop`, at the end of its standard input,
on Ctrl-C and on SIGTERM.
"""

import argparse
import gc
import json
import signal
import sys
from collections.abc import Callable, Sequence

from eightbyeight_async.sandbox.serving.server import Sandbox


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    # One request makes ten thousand messages that are kept. With the default thresholds the garbage collector examines
    # them again and again, which takes half of the time.
    gc.set_threshold(100_000, 50, 100)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    with Sandbox(
        api_key=options.api_key,
        subaccount_id=options.subaccount_id,
        sms_port=options.sms_port,
        chatapps_port=options.chatapps_port,
        rate_limit=options.rate_limit,
        latency=options.latency,
        keep=options.keep,
        export_lag=options.export_lag,
    ) as sandbox:
        _set_faults(sandbox, options.fault_rate, seed=options.seed)
        _say(sandbox.environment)
        for line in sys.stdin:
            words = line.split()
            if words == ["stop"]:
                break
            if words:
                _say(_run_command(sandbox, words[0], words[1:]))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m eightbyeight_async.sandbox", description=__doc__)
    parser.add_argument("--sms-port", type=int, default=0, metavar="PORT", help="0 (default) for any free port")
    parser.add_argument("--chatapps-port", type=int, default=0, metavar="PORT", help="as --sms-port")
    parser.add_argument("--api-key", metavar="KEY", help="default: a random key")
    parser.add_argument("--subaccount-id", default="sandbox-account", metavar="ID", help="default: sandbox-account")
    parser.add_argument("--rate-limit", type=float, metavar="N", help="answer 429 above N requests a second")
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS", help="wait before each response")
    parser.add_argument(
        "--export-lag", type=float, default=0.0, metavar="SECONDS", help="time until log exports have a message"
    )
    parser.add_argument(
        "--keep", choices=("all", "counts"), default="all", help="counts: count messages, forget the sent ones"
    )
    parser.add_argument(
        "--fault-rate",
        action="append",
        default=[],
        metavar="NAME=RATE",
        help="a fault for this share of the requests, e.g. server_error=0.01; names as in Faults.random; repeatable",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the random faults")
    return parser


def _run_command(sandbox: Sandbox, command: str, words: list[str]) -> dict[str, object]:
    commands: dict[str, Callable[[], object]] = {
        "counts": lambda: sandbox.accepted_counts,
        "totals": lambda: _totals(sandbox),
        "faults": lambda: _set_faults(sandbox, words),
        "advance": lambda: sandbox.clock.advance(float(*words)),
        "reset": sandbox.reset,
    }
    if command not in commands:
        return {"error": f"no command {command}: use {', '.join(commands)} or stop"}
    try:
        return {"result": commands[command]()}
    except (TypeError, ValueError) as problem:
        return {"error": str(problem)}


def _totals(sandbox: Sandbox) -> dict[str, object]:
    counts = sandbox.accepted_counts
    return {
        **{name: sandbox.totals[name] for name in ("accepted", "rejected", "cancelled")},
        "requests": sandbox.traffic.requests,
        "ids": len(counts),
        "repeated": sum(times > 1 for times in counts.values()),
        "drawn": dict(sandbox.faults.drawn),
        "violations": [str(violation) for violation in sandbox.violations],
    }


def _set_faults(sandbox: Sandbox, settings: list[str], seed: int = 0) -> None:
    given: dict[str, float] = {}
    for setting in settings:
        name, _, value = setting.partition("=")
        given[name] = float(value)
    seed = int(given.pop("seed", seed))
    sandbox.faults.random(seed=seed, **given)  # type: ignore[arg-type]  # an unknown name raises TypeError


def _say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _leave(number: int, _frame: object) -> None:
    signal.signal(number, signal.SIG_IGN)  # A second signal must not interrupt the stop, which takes milliseconds.
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
