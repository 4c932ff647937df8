"""The commands: what each is called, what it takes, what its help teaches. What they do is elsewhere.

Imports inside the commands: `eightbyeight --help` has to be there at once.
No `from __future__ import annotations` here: the annotations are read when the commands are made.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from eightbyeight_async.cli.commands.bulk import make_bulk
from eightbyeight_async.cli.commands.shared_options import (
    FLAG,
    MESSAGE,
    SPEED,
    AsJson,
    ConnectionOptions,
    DryRun,
    Duplicates,
    FileGiven,
    FileOptions,
    LongText,
    MessageFields,
    OnePerNumber,
    RecordOptions,
    check_option_times,
)
from eightbyeight_async.cli.exit_codes import MEANINGS
from eightbyeight_async.version import __version__

__all__ = ["make_app"]

Rate = Annotated[float | None, Parameter(help="At most so many requests a second.", group=SPEED)]


def make_app() -> App:
    app = App(
        name="eightbyeight",
        help="Send and cancel messages through the 8x8 Connect API.\n\n"
        "EIGHTBYEIGHT_API_KEY and EIGHTBYEIGHT_SUBACCOUNT_ID say who you are. "
        "Without an account: `eightbyeight demo`, or `eightbyeight sandbox`.",
        help_epilogue=MEANINGS,
        help_format="markdown",
        version=__version__,
    )
    for name, command in (
        ("send", send),
        ("send-each", send_each),
        ("send-batch", send_batch),
        ("status", status),
        ("feedback", feedback),
        ("measure", measure),
        ("cancel", cancel),
        ("cancel-batch", cancel_batch),
        ("chatapps-cancel", chatapps_cancel),
        ("sandbox", sandbox),
        ("demo", demo),
    ):
        app.command(command, name=name)
    app.command(make_bulk())
    return app


def send(
    *,
    to: Annotated[str, Parameter(help="The number, with + and country code.", group=MESSAGE)],
    text: Annotated[str, Parameter(help="The message.", allow_leading_hyphen=True, group=MESSAGE)],
    client_message_id: Annotated[
        str | None, Parameter(help="Your reference, echoed in receipts.", group=MESSAGE)
    ] = None,
    message: MessageFields = MessageFields(),  # noqa: B008 - frozen
    long_text: LongText = "warn",
    dry_run: DryRun = False,
    as_json: AsJson = False,
    connection: ConnectionOptions = ConnectionOptions(),  # noqa: B008 - frozen
) -> int:
    """Send one SMS.

    It is never sent twice by itself: a try is repeated only when the API says that it had an internal error
    (2000 to 2999). Exit code 4 means: it may have been sent, look it up before you run this again.

    ```
    eightbyeight send --to +6598765432 --text "Your code is 123456"
    ```
    """
    from eightbyeight_async.cli.commands import single_message  # noqa: PLC0415

    request = single_message.request_from(
        {**message.values(), "destination": to, "text": text, "client_message_id": client_message_id}, long_text
    )
    if dry_run:
        return single_message.print_dry_run(connection, request, as_json=as_json)
    return single_message.send(connection, request, as_json=as_json)


def send_each(
    file: FileGiven,
    /,
    *,
    how: FileOptions = FileOptions(),  # noqa: B008 - frozen
    message: MessageFields = MessageFields(),  # noqa: B008 - frozen
    long_text: LongText = "warn",
    duplicates: Duplicates = "skip",
    one_per_number: OnePerNumber = False,
    concurrency: Annotated[int, Parameter(help="Requests in flight.", group=SPEED)] = 50,
    rate: Rate = None,
    records: RecordOptions = RecordOptions(),  # noqa: B008 - frozen
    dry_run: DryRun = False,
    connection: ConnectionOptions = ConnectionOptions(),  # noqa: B008 - frozen
) -> int:
    """Send an SMS for each row of a file.

    Columns named like the fields of a message (`destination`, `text`, `source`, `scheduled`,
    `client_message_id`, ...) are those fields; an empty cell leaves its field out. Other columns are for
    `--text`. Options of a message hold for the rows that leave the field out.

    The whole file is checked first, and nothing is sent if anything is wrong with it. Then a JSON line a
    message is written as its answer comes (`row`, `outcome`, `umid`, ...), without numbers and texts. A row with the
    same message as a row before it is not sent; its record says `duplicate`.
    Ctrl-C stops it; what was in flight then is recorded as `unknown`.

    ```
    eightbyeight send-each people.csv --text "Hi {name}, see you at {time}" --dry-run
    eightbyeight send-each people.csv --text "Hi {name}, see you at {time}" > sent.jsonl
    ```
    """
    return _send_file(
        file, how, message, records, connection,
        dry_run=dry_run, mode="each", chunk_size=1, concurrency=concurrency, rate=rate, long_text=long_text,
        duplicates=duplicates, one_per_number=one_per_number,
    )  # fmt: skip


def send_batch(
    file: FileGiven,
    /,
    *,
    how: FileOptions = FileOptions(),  # noqa: B008 - frozen
    message: MessageFields = MessageFields(),  # noqa: B008 - frozen
    long_text: LongText = "warn",
    duplicates: Duplicates = "skip",
    one_per_number: OnePerNumber = False,
    chunk_size: Annotated[int, Parameter(help="Messages a request, at most 10,000.", group=SPEED)] = 10_000,
    concurrency: Annotated[int, Parameter(help="Requests in flight.", group=SPEED)] = 2,
    rate: Rate = None,
    records: RecordOptions = RecordOptions(),  # noqa: B008 - frozen
    dry_run: DryRun = False,
    connection: ConnectionOptions = ConnectionOptions(),  # noqa: B008 - frozen
) -> int:
    """Send the rows of a file in batches: one request for up to 10,000 of them.

    For many messages: 8x8 takes about 25,000 a second this way. The file and the records are those of `send-each`,
    and a record says the `batch_id`, too. The ids are told on stderr, for `cancel-batch`. If an answer is lost,
    the outcome of the whole batch is `unknown`: a smaller `--chunk-size` puts fewer messages in doubt at once.
    Ctrl-C stops it, once the requests in flight are answered; a second one gives them up.

    ```
    eightbyeight send-batch people.csv --text "Hi {name}, see you at {time}" --dry-run
    eightbyeight send-batch people.csv --text "Hi {name}, see you at {time}" --output sent.jsonl
    ```
    """
    return _send_file(
        file, how, message, records, connection,
        dry_run=dry_run, mode="batch", chunk_size=chunk_size, concurrency=concurrency, rate=rate, long_text=long_text,
        duplicates=duplicates, one_per_number=one_per_number,
    )  # fmt: skip


def _send_file(
    file: str,
    how: FileOptions,
    message: MessageFields,
    records: RecordOptions,
    connection: ConnectionOptions,
    *,
    dry_run: bool,
    **speed: Any,  # noqa: ANN401 - fields of the order
) -> int:
    from eightbyeight_async.cli.reading.file_plan import FilePlan  # noqa: PLC0415
    from eightbyeight_async.cli.sending import send_file  # noqa: PLC0415

    defaults = message.values()
    check_option_times(defaults)
    plan = FilePlan(
        file=file,
        text=how.text,
        format=how.file_format,
        separator=how.delimiter,
        defaults=defaults,
        output=records.output,
        force=records.force,
        include_private=records.include_private,
        **speed,
    )
    return send_file.send(plan, connection, dry_run=dry_run)


def status(
    umid: Annotated[str, Parameter(help="The id that sending it gave.")],
    /,
    *,
    include_private: Annotated[bool, FLAG, Parameter(help="Number and text as 8x8 has them.")] = False,
    as_json: AsJson = False,
    connection: ConnectionOptions = ConnectionOptions(),  # noqa: B008 - frozen
) -> int:
    """Look up one SMS: how far it got, when, at what price. 8x8 allows one look-up a second.

    ```
    eightbyeight status 7a4bbd96-19f0-4b6a-a7a4-cf0b0a5a7a3e
    ```
    """
    from eightbyeight_async.cli.commands import look_up  # noqa: PLC0415

    return look_up.status(connection, umid, include_private=include_private, as_json=as_json)


def feedback(
    umid: Annotated[str, Parameter(help="The id that sending it gave.")],
    outcome: Annotated[Literal["success", "failure"], Parameter(help="success or failure.")],
    /,
    *,
    timestamp: Annotated[
        str | None, Parameter(help="When it happened, ISO 8601 with an offset; else 8x8 takes the present.")
    ] = None,
    as_json: AsJson = False,
    connection: ConnectionOptions = ConnectionOptions(),  # noqa: B008 - frozen
) -> int:
    """Tell 8x8 whether an SMS sent with `--track Outcome` led to what it was for.

    ```
    eightbyeight feedback 7a4bbd96-19f0-4b6a-a7a4-cf0b0a5a7a3e success
    ```
    """
    from eightbyeight_async.cli.commands import look_up  # noqa: PLC0415

    return look_up.feedback(connection, umid, outcome, timestamp, as_json=as_json)


def measure(
    text: Annotated[
        str | None, Parameter(help="The text; else it is read from stdin.", allow_leading_hyphen=True)
    ] = None,
    /,
    *,
    file: Annotated[Path | None, Parameter(help="A file that holds the text.")] = None,
    encoding: Annotated[Literal["AUTO", "GSM7", "UCS2"], Parameter(help="As for send.")] = "AUTO",
    as_json: AsJson = False,
) -> int:
    """Count the parts that a text is sent and paid in. The text is not shown; the last line end does not count.

    ```
    eightbyeight measure "Your code is 123456"
    eightbyeight measure --json < text.txt
    ```
    """
    from eightbyeight_async.cli.commands.measure import measure_text  # noqa: PLC0415

    return measure_text(text, file, encoding, as_json=as_json)


def cancel(
    umid: Annotated[str, Parameter(help="The id that sending it gave.")],
    /,
    *,
    as_json: AsJson = False,
    connection: ConnectionOptions = ConnectionOptions(),  # noqa: B008 - frozen
) -> int:
    """Cancel a scheduled SMS. Exit code 1 also if it was not waiting any more.

    ```
    eightbyeight cancel 7a4bbd96-19f0-4b6a-a7a4-cf0b0a5a7a3e
    ```
    """
    from eightbyeight_async.cli.commands import single_message  # noqa: PLC0415

    return single_message.cancel(connection, "cancel", umid, as_json=as_json)


def cancel_batch(
    batch_id: Annotated[str, Parameter(help="The id that sending the batch gave.")],
    /,
    *,
    as_json: AsJson = False,
    connection: ConnectionOptions = ConnectionOptions(),  # noqa: B008 - frozen
) -> int:
    """Cancel what is still scheduled of a batch of SMS. Exit code 1 also if nothing was.

    ```
    eightbyeight cancel-batch 00b4d8a4-1f0f-4a6b-9c2e-9f0d0a1b2c3d --json
    ```
    """
    from eightbyeight_async.cli.commands import single_message  # noqa: PLC0415

    return single_message.cancel(connection, "cancel-batch", batch_id, as_json=as_json)


def chatapps_cancel(
    umid: Annotated[str, Parameter(help="The id that sending it gave.")],
    /,
    *,
    as_json: AsJson = False,
    connection: ConnectionOptions = ConnectionOptions(),  # noqa: B008 - frozen
) -> int:
    """Cancel a scheduled ChatApps message (WhatsApp, Viber, ...). Exit code 1 also if it was not waiting any more.

    ```
    eightbyeight chatapps-cancel 7a4bbd96-19f0-4b6a-a7a4-cf0b0a5a7a3e
    ```
    """
    from eightbyeight_async.cli.commands import single_message  # noqa: PLC0415

    return single_message.cancel(connection, "chatapps-cancel", umid, as_json=as_json)


def sandbox(
    *,
    port: Annotated[int, Parameter(help="Of the SMS host; 0 for a free single_message.")] = 0,
    chatapps_port: Annotated[int, Parameter(help="Of the ChatApps host; 0 for a free single_message.")] = 0,
    allow_tls12: Annotated[bool, FLAG, Parameter(help="Offer TLS 1.2 beside 1.3, as the API does.")] = False,
    rate_limit: Annotated[float | None, Parameter(help="Requests a second, beyond them 429.")] = None,
    latency: Annotated[float, Parameter(help="Seconds that every answer takes longer.")] = 0.0,
) -> int:
    """Run an 8x8 Connect API of your own on this machine, until Ctrl-C.

    It keeps the API's rules over real HTTPS and sends nothing. Prints the variables that point a program at it:

    ```
    eightbyeight sandbox > sandbox.env &
    . ./sandbox.env && eightbyeight send --to +6598765432 --text Hello
    ```
    """
    from eightbyeight_async.cli.commands.sandbox_server import SandboxSettings, serve  # noqa: PLC0415

    return serve(
        SandboxSettings(
            sms_port=port,
            chatapps_port=chatapps_port,
            allow_tls12=allow_tls12,
            rate_limit=rate_limit,
            latency=latency,
        )
    )


def demo(
    *,
    concurrency: Annotated[int, Parameter(help="Requests in flight.")] = 50,
    output: Annotated[Path | None, Parameter(help="Keep the records in this file.")] = None,
) -> int:
    """Send 2,000 messages to a sandbox, cancel the scheduled ones, count what became of them.

    Needs no account and leaves nothing behind. Exit code 0 only if all counts add up, and every message that
    was accepted arrived exactly once.

    ```
    eightbyeight demo
    ```
    """
    from eightbyeight_async.cli.commands.demo import run_demo  # noqa: PLC0415

    return run_demo(concurrency=concurrency, output=output)
