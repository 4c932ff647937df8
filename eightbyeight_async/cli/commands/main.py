"""Names, options and help of all commands except `bulk ...`. What the commands do is in other modules.

Rules:
- Commands import their modules inside the function, so that `eightbyeight --help` starts fast.
- No `from __future__ import annotations` here: cyclopts reads the annotations when the commands are created.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from eightbyeight_async.cli.commands.bulk import make_bulk
from eightbyeight_async.cli.commands.file_options import FileOptions, with_file_encoding
from eightbyeight_async.cli.commands.plan_options import PlanOptions
from eightbyeight_async.cli.commands.shared_options import (
    FLAG,
    MESSAGE,
    SPEED,
    AsJson,
    ConnectionOptions,
    DryRun,
    Duplicates,
    FileGiven,
    LongText,
    MessageFields,
    OnePerNumber,
    RecordOptions,
    RequirePlus,
    check_option_times,
)
from eightbyeight_async.cli.exit_codes import MEANINGS
from eightbyeight_async.cli.first_page import ABOUT
from eightbyeight_async.cli.reading.option_text import with_line_breaks
from eightbyeight_async.version import __version__

__all__ = ["make_app"]

Rate = Annotated[float | None, Parameter(help="Maximum number of requests per second. Default: no limit.", group=SPEED)]


def make_app() -> App:
    app = App(
        name="eightbyeight",
        help="\n\n".join(ABOUT),
        help_epilogue=MEANINGS,
        help_format="markdown",
        version=__version__,
        suppress_keyboard_interrupt=False,  # otherwise Ctrl-C prints nothing
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
    text: Annotated[str, Parameter(help="The message; \\n is a line break.", allow_leading_hyphen=True, group=MESSAGE)],
    client_message_id: Annotated[
        str | None, Parameter(help="Your reference; 8x8 repeats it in receipts.", group=MESSAGE)
    ] = None,
    message: MessageFields = MessageFields(),  # noqa: B008 - frozen
    long_text: LongText = "warn",
    dry_run: DryRun = False,
    as_json: AsJson = False,
    connection: ConnectionOptions = ConnectionOptions(),  # noqa: B008 - frozen
) -> int:
    """Send one SMS.

    The command repeats the request only if the API reports an internal error (code 2000 to 2999), and nothing else;
    `--max-attempts 1` never repeats it. Exit code 4 means that the message may have been sent: look it up
    before you run this again.

    ```
    eightbyeight send --to +6598765432 --text "Your code is 123456"
    ```
    """
    from eightbyeight_async.cli.commands import single_message  # noqa: PLC0415

    request = single_message.request_from(
        {**message.values(), "destination": to, "text": with_line_breaks(text), "client_message_id": client_message_id},
        long_text,
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
    require_plus: RequirePlus = False,
    concurrency: Annotated[int, Parameter(help="Requests in flight.", group=SPEED)] = 50,
    rate: Rate = None,
    records: RecordOptions = RecordOptions(),  # noqa: B008 - frozen
    limits: PlanOptions = PlanOptions(),  # noqa: B008 - frozen
    dry_run: DryRun = False,
    connection: ConnectionOptions = ConnectionOptions(),  # noqa: B008 - frozen
) -> int:
    """Send an SMS for each row of a file.

    A column with the name of a message field (`destination`, `text`, `source`, `scheduled`, `client_message_id`, ...)
    sets that field. An empty cell leaves the field out. `--text` can use all columns. A message option, such as
    `--source`, applies to the rows without a value of their own.

    The command checks the whole file first and sends nothing if a row is wrong. Then it writes one JSON line per
    message when its answer arrives (`row`, `outcome`, `umid`, ...), without numbers and texts. A row with the same
    message as a row before it is not sent; its record says `duplicate`.
    Ctrl-C stops the run. It waits 2 seconds for the requests in flight, and records those without an answer as
    `unknown`. SIGTERM and a closed terminal (SIGHUP) do the same; under `nohup` SIGHUP is ignored. A log file gets a
    line of progress every 15 seconds.

    ```
    eightbyeight send-each people.csv --text "Hi {name}, see you at {time}" --dry-run
    eightbyeight send-each people.csv --text "Hi {name}, see you at {time}" > sent.jsonl
    ```
    """
    return _send_file(
        file, how, message, records, connection,
        limits=limits, dry_run=dry_run, mode="each", chunk_size=1, concurrency=concurrency, rate=rate,
        long_text=long_text, duplicates=duplicates, one_per_number=one_per_number, require_plus=require_plus,
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
    require_plus: RequirePlus = False,
    chunk_size: Annotated[int, Parameter(help="Messages per request, at most 10,000.", group=SPEED)] = 10_000,
    concurrency: Annotated[int, Parameter(help="Requests in flight.", group=SPEED)] = 2,
    rate: Rate = None,
    records: RecordOptions = RecordOptions(),  # noqa: B008 - frozen
    limits: PlanOptions = PlanOptions(),  # noqa: B008 - frozen
    dry_run: DryRun = False,
    connection: ConnectionOptions = ConnectionOptions(),  # noqa: B008 - frozen
) -> int:
    """Send the rows of a file in batches: one request for up to 10,000 rows.

    Use it for many messages: 8x8 takes about 25,000 messages a second this way. The file has the same format as for
    `send-each`. The records are the same too, with the `batch_id` added. The batch ids are also printed on stderr, for
    `cancel-batch`. If an answer is lost, all messages of the batch are `unknown`; a smaller `--chunk-size` makes such
    a batch smaller.
    Ctrl-C, SIGTERM or a closed terminal (SIGHUP) stop the run after the requests in flight are answered. A second
    Ctrl-C or SIGTERM stops it at once.

    ```
    eightbyeight send-batch people.csv --text "Hi {name}, see you at {time}" --dry-run
    eightbyeight send-batch people.csv --text "Hi {name}, see you at {time}" --output sent.jsonl
    ```
    """
    return _send_file(
        file, how, message, records, connection,
        limits=limits, dry_run=dry_run, mode="batch", chunk_size=chunk_size, concurrency=concurrency, rate=rate,
        long_text=long_text, duplicates=duplicates, one_per_number=one_per_number, require_plus=require_plus,
    )  # fmt: skip


def _send_file(
    file: str,
    how: FileOptions,
    message: MessageFields,
    records: RecordOptions,
    connection: ConnectionOptions,
    *,
    limits: PlanOptions,
    dry_run: bool,
    **speed: Any,  # noqa: ANN401 - fields of FilePlan
) -> int:
    from eightbyeight_async.cli.reading.file_plan import FilePlan, reading_fields  # noqa: PLC0415
    from eightbyeight_async.cli.sending import send_file  # noqa: PLC0415

    how, message = with_file_encoding(how, message)
    defaults = message.values()
    check_option_times(defaults)
    plan = FilePlan(
        file=file,
        defaults=defaults,
        **reading_fields(how.values()),
        output=records.output,
        force=records.force,
        include_private=records.include_private,
        limits=limits.limits(),
        **limits.trial(),
        keep_trying=limits.keep_trying,
        on_end=limits.on_end,
        **speed,
    )
    return send_file.send(plan, connection, dry_run=dry_run)


def status(
    umid: Annotated[str, Parameter(help="The umid that 8x8 gave when the message was sent.")],
    /,
    *,
    include_private: Annotated[bool, FLAG, Parameter(help="Show the number and the text as 8x8 stores them.")] = False,
    as_json: AsJson = False,
    connection: ConnectionOptions = ConnectionOptions(),  # noqa: B008 - frozen
) -> int:
    """Look up one SMS: its state, times and price. 8x8 allows one look-up per second.

    ```
    eightbyeight status 7a4bbd96-19f0-4b6a-a7a4-cf0b0a5a7a3e
    ```
    """
    from eightbyeight_async.cli.commands import look_up  # noqa: PLC0415

    return look_up.status(connection, umid, include_private=include_private, as_json=as_json)


def feedback(
    umid: Annotated[str, Parameter(help="The umid that 8x8 gave when the message was sent.")],
    outcome: Annotated[Literal["success", "failure"], Parameter(help="success or failure.")],
    /,
    *,
    timestamp: Annotated[str | None, Parameter(help="When it happened, ISO 8601 with an offset. Default: now.")] = None,
    as_json: AsJson = False,
    connection: ConnectionOptions = ConnectionOptions(),  # noqa: B008 - frozen
) -> int:
    """Tell 8x8 whether an SMS reached its purpose (for example, a login). For an SMS sent with `--track Outcome`.

    ```
    eightbyeight feedback 7a4bbd96-19f0-4b6a-a7a4-cf0b0a5a7a3e success
    ```
    """
    from eightbyeight_async.cli.commands import look_up  # noqa: PLC0415

    return look_up.feedback(connection, umid, outcome, timestamp, as_json=as_json)


def measure(
    text: Annotated[
        str | None,
        Parameter(help="The text; \\n is a line break. Default: read from stdin.", allow_leading_hyphen=True),
    ] = None,
    /,
    *,
    file: Annotated[Path | None, Parameter(help="A file that contains the text.")] = None,
    encoding: Annotated[Literal["AUTO", "GSM7", "UCS2"], Parameter(help="Encoding of the text, as for send.")] = "AUTO",
    as_json: AsJson = False,
) -> int:
    """Count the parts of a text; 8x8 charges per part. The text is not printed. A line end at its end does not count.

    ```
    eightbyeight measure "Your code is 123456"
    eightbyeight measure --json < text.txt
    ```
    """
    from eightbyeight_async.cli.commands.measure import measure_text  # noqa: PLC0415

    return measure_text(None if text is None else with_line_breaks(text), file, encoding, as_json=as_json)


def cancel(
    umid: Annotated[str, Parameter(help="The umid that 8x8 gave when the message was sent.")],
    /,
    *,
    as_json: AsJson = False,
    connection: ConnectionOptions = ConnectionOptions(),  # noqa: B008 - frozen
) -> int:
    """Cancel a scheduled SMS. Exit code 1 if it was no longer scheduled.

    ```
    eightbyeight cancel 7a4bbd96-19f0-4b6a-a7a4-cf0b0a5a7a3e
    ```
    """
    from eightbyeight_async.cli.commands import single_message  # noqa: PLC0415

    return single_message.cancel(connection, "cancel", umid, as_json=as_json)


def cancel_batch(
    batch_id: Annotated[str, Parameter(help="The id that 8x8 gave when the batch was sent.")],
    /,
    *,
    as_json: AsJson = False,
    connection: ConnectionOptions = ConnectionOptions(),  # noqa: B008 - frozen
) -> int:
    """Cancel the SMS of a batch that are still scheduled. Exit code 1 if none was.

    ```
    eightbyeight cancel-batch 00b4d8a4-1f0f-4a6b-9c2e-9f0d0a1b2c3d --json
    ```
    """
    from eightbyeight_async.cli.commands import single_message  # noqa: PLC0415

    return single_message.cancel(connection, "cancel-batch", batch_id, as_json=as_json)


def chatapps_cancel(
    umid: Annotated[str, Parameter(help="The umid that 8x8 gave when the message was sent.")],
    /,
    *,
    as_json: AsJson = False,
    connection: ConnectionOptions = ConnectionOptions(),  # noqa: B008 - frozen
) -> int:
    """Cancel a scheduled ChatApps message (WhatsApp, Viber, ...). Exit code 1 if it was no longer scheduled.

    ```
    eightbyeight chatapps-cancel 7a4bbd96-19f0-4b6a-a7a4-cf0b0a5a7a3e
    ```
    """
    from eightbyeight_async.cli.commands import single_message  # noqa: PLC0415

    return single_message.cancel(connection, "chatapps-cancel", umid, as_json=as_json)


def sandbox(
    *,
    port: Annotated[int, Parameter(help="Port of the SMS host; 0 for a free port.")] = 0,
    chatapps_port: Annotated[int, Parameter(help="Port of the ChatApps host; 0 for a free port.")] = 0,
    allow_tls12: Annotated[bool, FLAG, Parameter(help="Offer TLS 1.2 as well as TLS 1.3, as the API does.")] = False,
    rate_limit: Annotated[
        float | None, Parameter(help="Requests per second; beyond this rate the answer is HTTP 429.")
    ] = None,
    latency: Annotated[float, Parameter(help="Seconds by which every answer is delayed.")] = 0.0,
    receipt_authorization: Annotated[
        str | None, Parameter(help="`Authorization` value of the delivery receipts that the sandbox posts.")
    ] = None,
    delivery: Annotated[
        Literal["delivered", "delivered_to_operator", "undelivered", "rejected_by_operator", "unconfirmed"],
        Parameter(help="The last state that the receipts of a message report."),
    ] = "delivered",
) -> int:
    """Run a sandbox of the 8x8 Connect API on this machine, until Ctrl-C.

    The sandbox checks requests by the API's rules, over real HTTPS, and sends nothing. The command prints the
    environment variables that a program needs to use it. When it says that it runs, a second terminal can read them:
    `. ./sandbox.env && eightbyeight send --to +6598765432 --text Hello`.

    ```
    eightbyeight sandbox > sandbox.env
    ```
    """
    from eightbyeight_async.cli.commands.sandbox_server import ReceiptSettings, SandboxSettings, serve  # noqa: PLC0415

    return serve(
        SandboxSettings(
            sms_port=port,
            chatapps_port=chatapps_port,
            allow_tls12=allow_tls12,
            rate_limit=rate_limit,
            latency=latency,
        ),
        ReceiptSettings(authorization=receipt_authorization, outcome=delivery),
    )


def demo(
    *,
    concurrency: Annotated[int, Parameter(help="Requests in flight.")] = 50,
    output: Annotated[Path | None, Parameter(help="Write the records to this file.")] = None,
) -> int:
    """Send 2,000 messages to a sandbox, cancel some, kill a campaign and go on, compare all counts.

    The demo needs no account and leaves no files behind, except `--output`. Exit code 0 means that all counts add up
    and every accepted message arrived exactly once.

    ```
    eightbyeight demo
    ```
    """
    from eightbyeight_async.cli.commands.demo import run_demo  # noqa: PLC0415

    return run_demo(concurrency=concurrency, output=output)
