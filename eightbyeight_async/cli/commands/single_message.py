"""The commands that make a single call: a line on stdout that says what came of it, or a JSON object."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Literal

from eightbyeight_async import settings
from eightbyeight_async.calls.sms import send_sms
from eightbyeight_async.cli.commands.shared_options import as_option
from eightbyeight_async.cli.exit_codes import Exit, UsageError, exit_after
from eightbyeight_async.cli.reading.check_rows import parts_of
from eightbyeight_async.cli.sending.result_record import RecordOutcome, outcome_of_response, record_of, status_word
from eightbyeight_async.cli.terminal.display import Display
from eightbyeight_async.cli.terminal.loop_and_signals import now, run
from eightbyeight_async.errors import EightByEightError, InvalidRequestError
from eightbyeight_async.hosts import Product, host_of
from eightbyeight_async.models.privacy import masked_number
from eightbyeight_async.models.rules import subaccount
from eightbyeight_async.models.sms import SmsRequest
from eightbyeight_async.text import check_length

if TYPE_CHECKING:
    from eightbyeight_async.cli.commands.shared_options import ConnectionOptions
    from eightbyeight_async.models.common import CancelResponse
    from eightbyeight_async.models.sms import SmsResponse

__all__ = ["Cancellation", "cancel", "host_and_account", "print_dry_run", "print_json", "request_from", "send"]

Cancellation = Literal["cancel", "cancel-batch", "chatapps-cancel"]


def request_from(values: dict[str, Any], long_text: str) -> SmsRequest:
    """
    Raises:
        UsageError: a value breaks its field's rule, or the text is longer than `long_text` allows; names the option.
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
    return request


def print_dry_run(connection: ConnectionOptions, request: SmsRequest, *, as_json: bool) -> Exit:
    """`send --dry-run`: what would be sent and where to; settings that are missing are words, not asked for."""
    host, account = host_and_account(connection)
    fields = {
        "destination": masked_number(request.destination).strip("'"),
        "text": f"{len(request.text or '')} characters",
        "parts": str(parts_of(request)),
        **{
            name: str(value)
            for name in ("country", "source", "client_message_id", "encoding", "scheduled", "expiry", "track")
            if (value := getattr(request, name)) is not None
        },
    }
    if as_json:
        print_json({"dry_run": True, "host": host, "subaccount_id": account, "request": fields})
    else:
        words = ", ".join(f"{name} {value}" for name, value in fields.items())
        print(f"would send: {words}; to {host}, sub-account {account or 'not set'}; nothing was sent")
    return Exit.OK


def host_and_account(connection: ConnectionOptions) -> tuple[str, str | None]:
    """SMS host and sub-account as the settings have them.

    Raises:
        InvalidRequestError: one that is there breaks its rule.
    """
    bases = settings.bases(connection.region, connection.sms_base_url, connection.chatapps_base_url)
    account = connection.subaccount_id or os.environ.get(f"{settings.PREFIX}SUBACCOUNT_ID") or None
    if account is not None:
        subaccount(account)
    return host_of(bases[Product.SMS]), account


def send(connection: ConnectionOptions, request: SmsRequest, *, as_json: bool) -> Exit:
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
        print(_sentence(request, response))
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
        case _:
            return f"unknown: umid {response.umid}, status {status_word(response)}"


def cancel(connection: ConnectionOptions, what: Cancellation, target: str, *, as_json: bool) -> Exit:
    """Exit code `REFUSED` also when there was nothing left to cancel: then a message is out that should not be."""
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
        count = run(call).cancelled_count
    except EightByEightError as error:
        if as_json:
            words = f"{type(error).__name__}: {_cancellation_error(error)}"
            print_json({"ok": False, "cancelled_count": None, "error": words, "code": getattr(error, "code", None)})
        Display().error(_cancellation_error(error))
        return exit_after(error)
    except KeyboardInterrupt:
        Display().error("interrupted; it may have been cancelled")
        return Exit.INTERRUPTED
    if as_json:
        print_json({"ok": count > 0, "cancelled_count": count, "error": None, "code": None})
    else:
        messages = "1 message" if count == 1 else f"{count:,} messages"
        print(f"cancelled: {messages}" if count else "cancelled: nothing, none of it was waiting any more")
    return Exit.OK if count else Exit.REFUSED


def _cancellation_error(error: EightByEightError) -> str:
    """The errors' words for "took effect" are about sending."""
    words = str(error)
    for said, meant in (("may have been sent)", "may have been cancelled)"), ("not sent)", "not cancelled)")):
        words = words.removesuffix(said) + meant if words.endswith(said) else words
    return words


def print_json(value: dict[str, Any]) -> None:
    # Half of a surrogate pair, which JSON can carry and UTF-8 cannot, becomes its JSON escape again.
    print(json.dumps(value, ensure_ascii=False).encode(errors="backslashreplace").decode(), flush=True)
