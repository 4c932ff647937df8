"""Runs `eightbyeight sandbox`: a sandbox of the API for programs in other processes, until Ctrl-C."""

from __future__ import annotations

import math
import re
import shlex
import sys

import attrs

from eightbyeight_async.cli.exit_codes import Exit, UsageError
from eightbyeight_async.cli.terminal.display import Display
from eightbyeight_async.cli.terminal.loop_and_signals import run, until_interrupted
from eightbyeight_async.sandbox import Delivery, Sandbox
from eightbyeight_async.sandbox.messages.delivery_status import DeliveryOutcome

__all__ = ["ReceiptSettings", "SandboxSettings", "serve"]


@attrs.frozen(kw_only=True)
class SandboxSettings:
    """The options of the command.

    Attributes:
        sms_port: port of the SMS host; 0: a free port.
        chatapps_port: port of the ChatApps host; 0: a free port.
        allow_tls12: whether to offer TLS 1.2 as well.
        rate_limit: requests per second beyond which the answer is HTTP 429; None: no limit.
        latency: seconds by which every answer is delayed.
    """

    sms_port: int
    chatapps_port: int
    allow_tls12: bool
    rate_limit: float | None
    latency: float


@attrs.frozen(kw_only=True)
class ReceiptSettings:
    """The options of the command that concern delivery receipts.

    Attributes:
        authorization: the value of the `Authorization` header of each receipt; None: no header.
        outcome: the delivery outcome of each message; see `Delivery` of the sandbox.
    """

    authorization: str | None = attrs.field(repr=False)
    outcome: DeliveryOutcome


def serve(settings: SandboxSettings, receipts: ReceiptSettings) -> Exit:
    display = Display()
    if receipts.authorization is not None and not re.fullmatch(r"[!-~]([ -~]*[!-~])?", receipts.authorization):
        raise UsageError("--receipt-authorization: must be printable ASCII, without spaces around it")
    if settings.rate_limit is not None and not 0 < settings.rate_limit < math.inf:
        raise UsageError("--rate-limit: must be a number above 0")
    if not 0 <= settings.latency < math.inf:
        raise UsageError("--latency: must be a number of seconds, at least 0")
    if not all(0 <= port <= 65535 for port in (settings.sms_port, settings.chatapps_port)):
        raise UsageError("--port, --chatapps-port: must be from 0 to 65535")
    sandbox = Sandbox(**attrs.asdict(settings))
    sandbox.receipts.authorization = receipts.authorization
    sandbox.deliveries.default = Delivery(outcome=receipts.outcome)
    try:
        sandbox.start()
    except OSError as wrong:
        raise UsageError(f"the sandbox cannot listen: {wrong.strerror or 'unknown reason'}") from wrong
    try:
        for name, value in sandbox.environment.items():
            print(f"export {name}={shlex.quote(value)}")
        sys.stdout.flush()
        display.info("the sandbox is running; it sends nothing, and it forgets all messages when it stops")
        display.note("set the variables above for your program; Ctrl-C stops the sandbox")
        run(until_interrupted)
    finally:
        accepted, rejected = len(sandbox.messages), len(sandbox.rejected)
        sandbox.stop()
    display.info(
        f"stopped: {accepted:,} messages accepted, {rejected:,} rejected, {sandbox.traffic.requests:,} requests"
    )
    return Exit.OK  # Ctrl-C is the normal end of this command
