"""Runs `send` and the cancel commands: one call, then one line or one JSON object on stdout."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Literal

from eightbyeight_async import settings
from eightbyeight_async.calls.sms import send_sms
from eightbyeight_async.cli.commands.shared_options import as_option
from eightbyeight_async.cli.exit_codes import Exit, UsageError, exit_after
from eightbyeight_async.cli.reading.check_rows import parts_of
from eightbyeight_async.cli.sending.result_record import (
    EARLIER,
    RecordOutcome,
    outcome_of_response,
    record_of,
    status_word,
)
from eightbyeight_async.cli.terminal.display import Display
from eightbyeight_async.cli.terminal.loop_and_signals import now, run
from eightbyeight_async.cli.terminal.safe_text import json_text, print_line
from eightbyeight_async.errors import EightByEightError, InvalidRequestError
from eightbyeight_async.hosts import Product, host_of
from eightbyeight_async.models.number_plus import lacks_plus
from eightbyeight_async.models.privacy import masked_number, masked_runs
from eightbyeight_async.models.rules import subaccount
from eightbyeight_async.models.sms import SmsRequest, SmsStatusCode
from eightbyeight_async.text import check_length

if TYPE_CHECKING:
    from eightbyeight_async.cli.commands.shared_options import ConnectionOptions
    from eightbyeight_async.models.common import CancelResponse
    from eightbyeight_async.models.sms import SmsResponse

__all__ = ["Cancellation", "cancel", "host_and_account", "print_dry_run", "print_json", "request_from", "send"]

Cancellation = Literal["cancel", "cancel-batch", "chatapps-cancel"]


def request_from(values: dict[str, Any], long_text: str) -> SmsRequest:
    """Makes the request of `send`.

    Prints a warning if the text is long and `long_text` is `warn`. For a number without `+` and without country, it
    prints the destination country.

    Raises:
        UsageError: a value breaks the rule of its field, or the text is longer than `long_text` allows. The message
            names the option.
    """
    try:
        request = SmsRequest(**values)
        send_sms("any", request, now)
        warning = check_length(request.text, request.encoding, long_text)
    except InvalidRequestError as wrong:
        option = "--to" if wrong.field == "destination" else as_option(wrong.field)
        raise UsageError(f"{option}: {wrong.reason}") from wrong
    if warning is not None:
        Display().note(warning)
    if lacks_plus(request):
        from eightbyeight_async.cli.reading.calling_code import country_of  # noqa: PLC0415 - 20 ms; rarely needed

        Display().info(f"the number has no + and no country; it goes to: {country_of(request.destination)}")
    return request


def print_dry_run(connection: ConnectionOptions, request: SmsRequest, *, as_json: bool) -> Exit:
    """`send --dry-run`: prints what would be sent, and to which host. Missing settings are no error here."""
    host, account = host_and_account(connection)
    fields = {
        "destination": masked_number(request.destination).strip("'"),
        "text": f"{len(request.text or '')} characters",
        "parts": str(parts_of(request)),
        **{
            name: masked_runs(str(value)) if name in ("source", "client_message_id") else str(value)
            for name in ("country", "source", "client_message_id", "encoding", "scheduled", "expiry", "track")
            if (value := getattr(request, name)) is not None
        },
    }
    if as_json:
        print_json({"dry_run": True, "host": host, "subaccount_id": account, "request": fields})
    else:
        words = ", ".join(f"{name} {value}" for name, value in fields.items())
        print_line(f"would send: {words}; to {host}, sub-account {account or 'not set'}; nothing was sent")
    return Exit.OK


def host_and_account(connection: ConnectionOptions) -> tuple[str, str | None]:
    """The SMS host and the sub-account from options and environment. The sub-account is None if it is not set.

    Raises:
        InvalidRequestError: a setting breaks its rule.
    """
    bases = settings.bases(connection.region, connection.sms_base_url, connection.chatapps_base_url)
    account = connection.subaccount_id or os.environ.get(f"{settings.PREFIX}SUBACCOUNT_ID") or None
    if account is not None:
        subaccount(account)
    return host_of(bases[Product.SMS]), account


def send(connection: ConnectionOptions, request: SmsRequest, *, as_json: bool) -> Exit:
    """`send`: sends one message and prints the result."""
    client = connection.client()

    async def call() -> SmsResponse:
        async with client:
            return await client.sms.send(request)

    response: SmsResponse | None = None
    error: EightByEightError | None = None
    try:
        response = run(call)
    except EightByEightError as failure:
        error = failure
    except KeyboardInterrupt:
        Display().error("interrupted; the message may have been sent")
    record = record_of(request, response, error)
    if as_json:
        print_json({**record, "encoding": None if response is None else response.encoding})
    if error is not None:
        Display().error(str(error))
        return exit_after(error)
    if response is None:
        return Exit.INTERRUPTED
    if not as_json:
        print_line(_sentence(request, response))
    return {RecordOutcome.ACCEPTED: Exit.OK, RecordOutcome.REJECTED: Exit.REFUSED}.get(
        outcome_of_response(response), Exit.UNKNOWN
    )


def _sentence(request: SmsRequest, response: SmsResponse) -> str:
    match outcome_of_response(response):
        case RecordOutcome.ACCEPTED:
            when = "" if request.scheduled is None else f", scheduled for {request.scheduled.isoformat()}"
            encoding = f", encoding {response.encoding}" if response.encoding else ""
            return f"accepted: umid {response.umid}{encoding}{when}"
        case RecordOutcome.REJECTED:
            return f"rejected: umid {response.umid}; the API took the request and refused the message"
        case _ if response.status.code is SmsStatusCode.REJECTED:
            return f"unknown: umid {response.umid} is rejected, but {EARLIER}"
        case _:
            return f"unknown: umid {response.umid}, status {status_word(response)}"


def cancel(connection: ConnectionOptions, what: Cancellation, target: str, *, as_json: bool) -> Exit:
    """Cancels a message or a batch. Exit code `REFUSED` if nothing was left to cancel: the message may be sent.

    Exit code `UNKNOWN` if an earlier attempt of the same call may have cancelled it.
    """
    client = connection.client()

    async def call() -> CancelResponse:
        async with client:
            match what:
                case "cancel":
                    return await client.sms.cancel(target)
                case "cancel-batch":
                    return await client.sms.cancel_batch(target)
                case "chatapps-cancel":
                    return await client.chatapps.cancel(target)

    try:
        found = run(call)
    except EightByEightError as error:
        if as_json:
            words = f"{type(error).__name__}: {error}"
            print_json({"ok": False, "cancelled_count": None, "error": words, "code": getattr(error, "code", None)})
        Display().error(str(error))
        return exit_after(error)
    except KeyboardInterrupt:
        Display().error("interrupted; the message or batch may have been cancelled")
        return Exit.INTERRUPTED
    count = found.cancelled_count
    unclear = not count and found.maybe_done_before
    if as_json:
        told_more = {"unclear": True} if unclear else {}
        print_json({"ok": count > 0, "cancelled_count": count, "error": None, "code": None, **told_more})
    elif count:
        print_line(f"cancelled: {'1 message' if count == 1 else f'{count:,} messages'}")
    else:
        before = "; an earlier attempt, to which 8x8 gave an internal error, may have cancelled it"
        print_line(f"cancelled: nothing, no message was still scheduled{before if unclear else ''}")
    if unclear:
        return Exit.UNKNOWN
    return Exit.OK if count else Exit.REFUSED


def print_json(value: dict[str, Any]) -> None:
    """Prints a JSON object on one line of stdout."""
    print(json_text(value, sys.stdout.encoding or "utf-8"), flush=True)
