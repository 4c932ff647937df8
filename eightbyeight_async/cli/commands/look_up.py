"""Runs the commands about one sent message: `status` looks it up, `feedback` reports its outcome to 8x8."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any

import attrs

from eightbyeight_async.cli.commands.single_message import print_json
from eightbyeight_async.cli.exit_codes import Exit, UsageError, exit_after
from eightbyeight_async.cli.reading.field_names import value_of
from eightbyeight_async.cli.terminal.display import Display
from eightbyeight_async.cli.terminal.loop_and_signals import run
from eightbyeight_async.cli.terminal.safe_text import print_line
from eightbyeight_async.errors import EightByEightError, InvalidRequestError
from eightbyeight_async.models.privacy import masked_runs

if TYPE_CHECKING:
    from eightbyeight_async.cli.commands.shared_options import ConnectionOptions
    from eightbyeight_async.models.message_details import MessageDetails

__all__ = ["feedback", "status"]

# 8x8 masks these fields, but an account can switch the masking off. An error message can quote a number.
_PRIVATE = ("body", "status.error_message")
_NUMBERS = ("msisdn", "source", "client_message_id", "client_batch_id")


def status(connection: ConnectionOptions, umid: str, *, include_private: bool, as_json: bool) -> Exit:
    """`status`: looks one message up. Exit code `OK` for every state of the message: the look-up worked."""
    client = connection.client()

    async def call() -> MessageDetails:
        async with client:
            return await client.sms.get(umid)

    try:
        details = run(call)
    except EightByEightError as error:
        if as_json:
            print_json({"error": f"{type(error).__name__}: {error}", "code": getattr(error, "code", None)})
        Display().error(str(error))
        return (
            Exit.REFUSED if exit_after(error) is Exit.UNKNOWN else exit_after(error)
        )  # A look-up sends no message, so its outcome cannot be unknown.
    printed = _printed_fields(details, private=include_private)
    if as_json:
        print_json(printed)
        return Exit.OK
    for name, value in _flat(printed).items():
        if value is not None:
            print_line(f"{name}: {value}")
    return Exit.OK


def feedback(connection: ConnectionOptions, umid: str, outcome: str, timestamp: str | None, *, as_json: bool) -> Exit:
    """`feedback`: tells 8x8 whether a message had its intended effect, e.g. a login."""
    try:
        moment = None if timestamp is None else value_of("scheduled", timestamp)
    except InvalidRequestError as wrong:
        raise UsageError(f"--timestamp: {wrong.reason}") from wrong
    client = connection.client()

    async def call() -> None:
        async with client:
            await client.sms.send_feedback(umid, outcome, moment if isinstance(moment, datetime) else None)

    try:
        run(call)
    except EightByEightError as error:
        if as_json:
            words = f"{type(error).__name__}: {error}"
            print_json({"ok": False, "outcome": outcome, "error": words, "code": getattr(error, "code", None)})
        Display().error(str(error))
        return exit_after(error)
    if as_json:
        print_json({"ok": True, "outcome": outcome, "error": None, "code": None})
    else:
        print_line(f"taken: {outcome}")
    return Exit.OK


def _printed_fields(details: MessageDetails, *, private: bool) -> dict[str, Any]:
    printed: dict[str, Any] = attrs.asdict(details, value_serializer=lambda _, __, value: _json_value(value))
    if not private:
        for name in _NUMBERS:
            if printed[name] is not None:
                printed[name] = masked_runs(printed[name])
        for path in _PRIVATE:
            *above, name = path.split(".")
            del (printed[above[0]] if above else printed)[name]
    return printed


def _json_value(value: Any) -> Any:  # noqa: ANN401 - the values of any field
    """Converts a value for JSON. A price becomes a string, so that it keeps all digits."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return value.value if isinstance(value, Enum) else value


def _flat(printed: dict[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in printed.items():
        flat |= _flat(value, f"{above}{name}.") if isinstance(value, dict) else {f"{above}{name}": value}
    return flat
