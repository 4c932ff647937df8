"""Names, options and help of the `eightbyeight bulk` commands for a campaign that has run. What they do: `cli.bulk`.

Rules:
- No `from __future__ import annotations` here: cyclopts reads the annotations when the commands are created.
"""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from eightbyeight_async.cli.commands.campaign_place import Where
from eightbyeight_async.cli.commands.shared_options import CAMPAIGN, FLAG, OUTPUT, AsJson, ConnectionOptions
from eightbyeight_async.cli.exit_codes import UsageError

__all__ = ["AFTER"]

ItsAccountOnly = Annotated[
    bool,
    Parameter(
        name="--allow-changed-account",
        negative=(),
        show_default=False,
        group=CAMPAIGN,
        help="The campaign went on under another host or sub-account. Use only the messages of the one given here.",
    ),
]


def status(
    *,
    where: Where = Where(),  # noqa: B008 - frozen
    follow: Annotated[
        bool, FLAG, Parameter(help="Show the counts until no campaign is sending any more.", group=CAMPAIGN)
    ] = False,
    interval: Annotated[
        float | None, Parameter(help="With --follow: seconds between two looks. Default: 2.", group=CAMPAIGN)
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Count the messages of a campaign by state. The exit code is that of the whole campaign.

    `bulk status`, `bulk unknown` and `bulk export` only read, so they can run while `bulk run` is sending. With
    `--follow` the counts are shown until the campaign ends; Ctrl-C ends only this command. With `--json` each change is
    a line. For a ledger it also shows which processes are at work and which chunks of the file wait.

    ```
    eightbyeight bulk status --journal run.db --json
    eightbyeight bulk status --journal run.db --follow
    ```
    """
    from eightbyeight_async.cli.bulk.status_and_settling import show_status  # noqa: PLC0415

    if follow:
        from eightbyeight_async.cli.bulk.follow_status import follow_status  # noqa: PLC0415

        return follow_status(where.place(), 2.0 if interval is None else interval, as_json=as_json)
    if interval is not None:
        raise UsageError("--interval: needs --follow")
    return show_status(where.place(), as_json=as_json)


def unknown(
    *,
    where: Where = Where(),  # noqa: B008 - frozen
    as_json: AsJson = False,
) -> int:
    """List the keys of the unknown messages: those that may have been sent. Exit code 4 if there are any.

    ```
    eightbyeight bulk unknown --journal run.db
    ```
    """
    from eightbyeight_async.cli.bulk import status_and_settling  # noqa: PLC0415

    return status_and_settling.unknown(where.place(), as_json=as_json)


def resolve(
    key: Annotated[
        str, Parameter(help="The key of the message, as `bulk unknown` lists it.", allow_leading_hyphen=True)
    ],
    /,
    *,
    sent: Annotated[bool, Parameter(negative="--not-sent", help="What you found out: whether the message was sent.")],
    where: Where = Where(),  # noqa: B008 - frozen
    as_json: AsJson = False,
) -> int:
    """Record that an unknown message was sent, or that it was not. After `--not-sent` the next run sends it.

    ```
    eightbyeight bulk resolve order-1234 --sent --journal run.db
    ```
    """
    from eightbyeight_async.cli.bulk import status_and_settling  # noqa: PLC0415

    return status_and_settling.resolve(where.place(), key, sent=sent, as_json=as_json)


def stop(
    *,
    where: Where = Where(),  # noqa: B008 - frozen
    resume: Annotated[
        bool, FLAG, Parameter(help="Take the stop back: runs that start from now on send again.", group=CAMPAIGN)
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Stop a campaign of a ledger on every machine. From now on no message is claimed, also by runs that start later.

    Requests in flight are answered and recorded. A campaign with a journal is stopped by Ctrl-C, or by a signal to its
    process.

    ```
    eightbyeight bulk stop --campaign november
    eightbyeight bulk stop --campaign november --resume
    ```
    """
    from eightbyeight_async.cli.bulk.status_and_settling import stop_everywhere  # noqa: PLC0415

    return stop_everywhere(where.place(), resume=resume, as_json=as_json)


def reconcile(
    *,
    where: Where = Where(),  # noqa: B008 - frozen
    lag: Annotated[float, Parameter(help="Seconds after which a sent message is certainly in 8x8's log.")] = 600.0,
    wait: Annotated[bool, FLAG, Parameter(help="Wait until --lag has passed.", group=CAMPAIGN)] = False,
    its_account_only: ItsAccountOnly = False,
    as_json: AsJson = False,
    connection: ConnectionOptions = ConnectionOptions(),  # noqa: B008 - frozen
) -> int:
    """Look the unknown messages up in 8x8's log and settle them. Exit code 4 if some are still unknown.

    ```
    eightbyeight bulk reconcile --journal run.db
    ```
    """
    from eightbyeight_async.cli.bulk import status_and_settling  # noqa: PLC0415

    return status_and_settling.reconcile(
        where.place(), connection, lag=lag, wait=wait, its_account_only=its_account_only, as_json=as_json
    )


def cancel(
    *,
    where: Where = Where(),  # noqa: B008 - frozen
    its_account_only: ItsAccountOnly = False,
    as_json: AsJson = False,
    connection: ConnectionOptions = ConnectionOptions(),  # noqa: B008 - frozen
) -> int:
    """Cancel the messages of a campaign that are still scheduled.

    Exit code 1 if a message was too late to cancel, or if there was nothing to cancel. Exit code 4 if it is unknown
    whether a message was cancelled.

    ```
    eightbyeight bulk cancel --journal run.db
    ```
    """
    from eightbyeight_async.cli.bulk import status_and_settling  # noqa: PLC0415

    return status_and_settling.cancel(where.place(), connection, its_account_only=its_account_only, as_json=as_json)


def export(
    *,
    where: Where = Where(),  # noqa: B008 - frozen
    form: Annotated[
        Literal["jsonl", "csv"] | None,
        Parameter(
            name="--format",
            help="The format of the records. Default: by the name of --output, else jsonl.",
            group=OUTPUT,
        ),
    ] = None,
    output: Annotated[Path | None, Parameter(help="File to write. Default: stdout.", group=OUTPUT)] = None,
    force: Annotated[bool, FLAG, Parameter(help="Overwrite --output.")] = False,
    include_private: Annotated[
        bool, FLAG, Parameter(help="Include numbers and texts, if the run had --store-private.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Write one record per message: key, state, umid, batch, error code, times.

    In CSV, a text that a spreadsheet would run as a formula (it begins with `=`, `+`, `-` or `@`) gets a `'` before it:
    numbers are `'+6598765432` there. JSONL has every value unchanged.

    ```
    eightbyeight bulk export --journal run.db --output results.csv
    ```
    """
    from eightbyeight_async.cli.bulk import status_and_settling  # noqa: PLC0415

    named = "csv" if output is not None and output.suffix.lower() == ".csv" else "jsonl"
    return status_and_settling.export(
        where.place(), output, form=form or named, force=force, include_private=include_private, as_json=as_json
    )


def report(
    *,
    where: Where = Where(),  # noqa: B008 - frozen
    output: Annotated[Path, Parameter(help="The HTML file to write.", group=OUTPUT)],
    force: Annotated[bool, FLAG, Parameter(help="Overwrite --output.")] = False,
    as_json: AsJson = False,
) -> int:
    """Write an HTML page: states, what to do, deliveries, over time, by country and operator, reasons, cost.

    The page is one file, which needs no network, for light and dark screens and for paper. It shows no phone numbers
    and no texts. After `bulk deliveries` it also shows what became of the accepted messages. The exit code is that of
    `bulk status`.

    ```
    eightbyeight bulk report --journal run.db --output report.html
    ```
    """
    from eightbyeight_async.cli.bulk.write_report import write_report  # noqa: PLC0415

    return write_report(where.place(), output, force=force, as_json=as_json)


def deliveries(
    *,
    where: Where = Where(),  # noqa: B008 - frozen
    receipts: Annotated[
        Path | None,
        Parameter(
            help="Do not ask 8x8. Take the delivery receipts of this file: one JSON body of a callback a line; `-` for "
            "stdin.",
            group=CAMPAIGN,
        ),
    ] = None,
    its_account_only: ItsAccountOnly = False,
    as_json: AsJson = False,
    connection: ConnectionOptions = ConnectionOptions(),  # noqa: B008 - frozen
) -> int:
    """Ask 8x8's log what became of the accepted messages: delivered or not and why, price, country, operator.

    The command writes the answer to the journal or ledger; `bulk status`, `bulk export` and `bulk report` show it. It
    asks only for messages whose arrival is not known yet: run it again later. Exit code 1 if a message was not
    delivered.

    ```
    eightbyeight bulk deliveries --journal run.db
    eightbyeight bulk deliveries --journal run.db --receipts receipts.jsonl
    ```
    """
    from eightbyeight_async.cli.bulk import ask_deliveries  # noqa: PLC0415

    if receipts is not None:
        return ask_deliveries.take_receipts(where.place(), receipts, as_json=as_json)
    return ask_deliveries.ask(where.place(), connection, its_account_only=its_account_only, as_json=as_json)


AFTER = (status, deliveries, unknown, resolve, stop, reconcile, cancel, export, report)
