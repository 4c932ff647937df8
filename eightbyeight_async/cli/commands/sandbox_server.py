"""`eightbyeight sandbox`: the API of the sandbox until Ctrl-C, for programs in other processes."""

from __future__ import annotations

import math
import shlex
import sys

import attrs

from eightbyeight_async.cli.exit_codes import Exit, UsageError
from eightbyeight_async.cli.terminal.display import Display
from eightbyeight_async.cli.terminal.loop_and_signals import run, until_interrupted
from eightbyeight_async.sandbox import Sandbox

__all__ = ["SandboxSettings", "serve"]


@attrs.frozen(kw_only=True)
class SandboxSettings:
    """Ports of 0 are free ones; `rate_limit` requests a second; `latency` seconds."""

    sms_port: int
    chatapps_port: int
    allow_tls12: bool
    rate_limit: float | None
    latency: float


def serve(settings: SandboxSettings) -> Exit:
    display = Display()
    if settings.rate_limit is not None and not 0 < settings.rate_limit < math.inf:
        raise UsageError("--rate-limit: must be a number above 0")
    if not 0 <= settings.latency < math.inf:
        raise UsageError("--latency: must be seconds, not below 0")
    if not all(0 <= port <= 65535 for port in (settings.sms_port, settings.chatapps_port)):
        raise UsageError("--port, --chatapps-port: go from 0 to 65535")
    sandbox = Sandbox(**attrs.asdict(settings))
    try:
        sandbox.start()
    except OSError as wrong:
        raise UsageError(f"the sandbox cannot listen: {wrong.strerror or 'unknown reason'}") from wrong
    try:
        for name, value in sandbox.environment.items():
            print(f"export {name}={shlex.quote(value)}")
        sys.stdout.flush()
        display.info("the sandbox is running: an 8x8 Connect API that sends nothing and forgets all when it stops")
        display.note("set the variables above where your program runs; Ctrl-C stops the sandbox")
        run(until_interrupted)
    finally:
        accepted, rejected = len(sandbox.messages), len(sandbox.rejected)
        sandbox.stop()
    display.info(
        f"stopped: {accepted:,} messages accepted, {rejected:,} rejected, {sandbox.traffic.requests:,} requests"
    )
    return Exit.OK  # this is how it is meant to end
