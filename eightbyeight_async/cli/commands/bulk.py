"""The commands of `eightbyeight bulk`. As `app`: names, options and help, no more.

No `from __future__ import annotations` here: the annotations are read when the commands are made.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from eightbyeight_async.cli.commands.shared_options import (
    CAMPAIGN,
    FILE,
    FLAG,
    MESSAGE,
    OUTPUT,
    SPEED,
    AsJson,
    ConnectionOptions,
    DryRun,
    FileOptions,
    MessageFields,
)

__all__ = ["make_bulk"]

Journal = Annotated[
    Path,
    Parameter(
        help="The journal of the campaign, an SQLite file. JOURNAL-wal and JOURNAL-mark beside it belong to it: move "
        "or copy all of them together.",
        group=CAMPAIGN,
    ),
]
_ONE_RUN = Parameter(negative=(), show_default=False, group=CAMPAIGN)
ItsAccountOnly = Annotated[
    bool,
    Parameter(
        name="--allow-changed-account",
        negative=(),
        show_default=False,
        group=CAMPAIGN,
        help="The journal has gone on under another host or sub-account; look only at the messages of this one.",
    ),
]


def make_bulk() -> App:
    app = App(
        name="bulk",
        help="Send a file with a journal: a run that was killed is run again, and sends only what is left.",
        help_format="markdown",
    )
    for command in (run, status, unknown, resolve, reconcile, cancel, export):
        app.command(command, name=command.__name__)
    return app


def run(
    file: Annotated[
        str | None,
        Parameter(
            help="CSV with a header, or JSONL; - for stdin; else the one that the journal remembers.",
            group=FILE,
            allow_leading_hyphen=True,
        ),
    ] = None,
    /,
    *,
    journal: Journal,
    how: FileOptions = FileOptions(),  # noqa: B008 - frozen
    message: MessageFields = MessageFields(),  # noqa: B008 - frozen
    long_text: Annotated[
        Literal["warn", "refuse", "allow"] | None,
        Parameter(help="When a text takes more than 10 parts: the platform truncates it; else warn.", group=MESSAGE),
    ] = None,
    mode: Annotated[
        Literal["auto", "each", "batch"] | None,
        Parameter(help="A request a message, or for many of them; else auto: batches above 1,000.", group=SPEED),
    ] = None,
    chunk_size: Annotated[int | None, Parameter(help="Messages a batch; else 10,000.", group=SPEED)] = None,
    concurrency: Annotated[
        int | None, Parameter(help="Requests in flight; else 100 one by one, 2 batches.", group=SPEED)
    ] = None,
    rate: Annotated[
        float | None, Parameter(help="At most so many requests a second; else 1,800, as 8x8 allows.", group=SPEED)
    ] = None,
    durability: Annotated[
        Literal["power", "process"] | None,
        Parameter(help="What the journal survives: power failures (slower), or the process; else power.", group=SPEED),
    ] = None,
    duplicates: Annotated[
        Literal["skip", "send"] | None,
        Parameter(help="The same message twice in the file: leave it out, or send it; else skip.", group=CAMPAIGN),
    ] = None,
    store_private: Annotated[bool, _ONE_RUN, Parameter(help="Numbers and texts in the journal, for export.")] = False,
    resend_unknown: Annotated[
        bool, _ONE_RUN, Parameter(help="Send again what may have been sent: some will arrive twice.")
    ] = False,
    resend_failed: Annotated[bool, _ONE_RUN, Parameter(help="Send again what 8x8 refused.")] = False,
    allow_changed_input: Annotated[
        bool, _ONE_RUN, Parameter(help="Go on with other messages than the campaign began with.")
    ] = False,
    allow_changed_account: Annotated[
        bool,
        _ONE_RUN,
        Parameter(help="Go on under another host or sub-account; what the first one sent is not sent again."),
    ] = False,
    accept_loss: Annotated[
        bool, _ONE_RUN, Parameter(help="Go on with a journal that lost claims: what was sent under them is sent again.")
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    connection: ConnectionOptions = ConnectionOptions(),  # noqa: B008 - frozen
) -> int:
    """Send the messages of a file that the journal does not know as settled.

    The file and its rows are as for `send-each`. Before a message goes out, that it will is written to the journal: run
    the same again after a crash, and nothing is sent twice, nothing forgotten. What may or may not have been sent is
    `unknown` then, and not sent again: see `bulk reconcile`. The journal remembers FILE and the options, so
    `--journal` alone goes on; it holds no numbers and no filled-in texts. Another file is refused.

    Ctrl-C stops it, one_run the requests in flight are answered; a second one gives them up.

    ```
    eightbyeight bulk run people.csv --text "Hi {name}" --journal run.db --dry-run
    eightbyeight bulk run people.csv --text "Hi {name}" --journal run.db
    eightbyeight bulk run --journal run.db
    ```
    """
    from eightbyeight_async.cli.bulk.campaign_run import OneRunOptions  # noqa: PLC0415
    from eightbyeight_async.cli.bulk.start import run_campaign  # noqa: PLC0415

    message.values()  # says what is wrong with them
    given = {
        **asdict(how),
        "file": file,
        "message": {name: value for name, value in asdict(message).items() if value is not None},
        "long_text": long_text,
        "mode": mode,
        "chunk_size": chunk_size,
        "concurrency": concurrency,
        "rate": rate,
        "durability": durability,
        "duplicates": duplicates,
        "store_private": store_private or None,
    }
    one_run = OneRunOptions(
        resend_unknown=resend_unknown,
        resend_failed=resend_failed,
        allow_changed_input=allow_changed_input,
        allow_changed_account=allow_changed_account,
        accept_loss=accept_loss,
    )
    return run_campaign(given, one_run, journal, connection, dry_run=dry_run, as_json=as_json)


def status(*, journal: Journal, as_json: AsJson = False) -> int:
    """Count the messages of a campaign by what became of them. Exit codes as if all its runs were one.

    ```
    eightbyeight bulk status --journal run.db --json
    ```
    """
    from eightbyeight_async.cli.bulk.status_and_settling import show_status  # noqa: PLC0415

    return show_status(journal, as_json=as_json)


def unknown(*, journal: Journal, as_json: AsJson = False) -> int:
    """List the messages that may or may not have been sent, by key. Exit code 4 if there are any.

    ```
    eightbyeight bulk unknown --journal run.db
    ```
    """
    from eightbyeight_async.cli.bulk import status_and_settling  # noqa: PLC0415

    return status_and_settling.unknown(journal, as_json=as_json)


def resolve(
    key: Annotated[str, Parameter(help="As `bulk unknown` lists it.", allow_leading_hyphen=True)],
    /,
    *,
    sent: Annotated[bool, Parameter(negative="--not-sent", help="What you found out.")],
    journal: Journal,
    as_json: AsJson = False,
) -> int:
    """Settle a message that may have been sent. After `--not-sent` the next run sends it.

    ```
    eightbyeight bulk resolve order-1234 --sent --journal run.db
    ```
    """
    from eightbyeight_async.cli.bulk import status_and_settling  # noqa: PLC0415

    return status_and_settling.resolve(journal, key, sent=sent, as_json=as_json)


def reconcile(
    *,
    journal: Journal,
    lag: Annotated[float, Parameter(help="Seconds after which a message is certainly in 8x8's log.")] = 600.0,
    wait: Annotated[bool, FLAG, Parameter(help="Wait until they have passed, if need be.", group=CAMPAIGN)] = False,
    its_account_only: ItsAccountOnly = False,
    as_json: AsJson = False,
    connection: ConnectionOptions = ConnectionOptions(),  # noqa: B008 - frozen
) -> int:
    """Look up in 8x8's log what became of the messages that may have been sent. Exit code 4 if some are left.

    ```
    eightbyeight bulk reconcile --journal run.db
    ```
    """
    from eightbyeight_async.cli.bulk import status_and_settling  # noqa: PLC0415

    return status_and_settling.reconcile(
        journal, connection, lag=lag, wait=wait, its_account_only=its_account_only, as_json=as_json
    )


def cancel(
    *,
    journal: Journal,
    its_account_only: ItsAccountOnly = False,
    as_json: AsJson = False,
    connection: ConnectionOptions = ConnectionOptions(),  # noqa: B008 - frozen
) -> int:
    """Cancel everything of a campaign that is still scheduled. Exit code 1 also if some of it was out.

    ```
    eightbyeight bulk cancel --journal run.db
    ```
    """
    from eightbyeight_async.cli.bulk import status_and_settling  # noqa: PLC0415

    return status_and_settling.cancel(journal, connection, its_account_only=its_account_only, as_json=as_json)


def export(
    *,
    journal: Journal,
    form: Annotated[
        Literal["jsonl", "csv"] | None,
        Parameter(name="--format", help="Else by --output's name, else jsonl.", group=OUTPUT),
    ] = None,
    output: Annotated[Path | None, Parameter(help="Where it goes; else to stdout.", group=OUTPUT)] = None,
    force: Annotated[bool, FLAG, Parameter(help="Overwrite --output.")] = False,
    include_private: Annotated[
        bool, FLAG, Parameter(help="Numbers and texts, if the run had --store-private.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Write what became of every message: key, state, umid, batch, error code, times.

    ```
    eightbyeight bulk export --journal run.db --output results.csv
    ```
    """
    from eightbyeight_async.cli.bulk import status_and_settling  # noqa: PLC0415

    named = "csv" if output is not None and output.suffix.lower() == ".csv" else "jsonl"
    return status_and_settling.export(
        journal, output, form=form or named, force=force, include_private=include_private, as_json=as_json
    )
