"""Names, options and help of the `eightbyeight bulk` commands. What they do is in `cli.bulk`.

Rules:
- No `from __future__ import annotations` here: cyclopts reads the annotations when the commands are created.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from eightbyeight_async.cli.commands.bulk_after import AFTER
from eightbyeight_async.cli.commands.campaign_place import Where
from eightbyeight_async.cli.commands.file_options import FileOptions, with_file_encoding
from eightbyeight_async.cli.commands.plan_options import PlanOptions
from eightbyeight_async.cli.commands.shared_options import (
    CAMPAIGN,
    FILE,
    FLAG,
    MESSAGE,
    SPEED,
    AsJson,
    ConnectionOptions,
    DryRun,
    MessageFields,
    RequirePlus,
)

__all__ = ["make_bulk"]

_CAMPAIGN_FLAG = Parameter(negative=(), show_default=False, group=CAMPAIGN)


def make_bulk() -> App:
    app = App(
        name="bulk",
        help="Send a file and record every message in a journal. After a crash, run the command again: "
        "it sends only the messages that are left.",
        help_format="markdown",
    )
    for command in (run, *AFTER):
        app.command(command, name=command.__name__)
    return app


def run(
    file: Annotated[
        str | None,
        Parameter(
            help="CSV with a header, JSONL, .xlsx or .ods, also as .gz; - for stdin. "
            "Default: the file that the journal remembers.",
            group=FILE,
            allow_leading_hyphen=True,
        ),
    ] = None,
    /,
    *,
    where: Where = Where(),  # noqa: B008 - frozen
    how: FileOptions = FileOptions(),  # noqa: B008 - frozen
    message: MessageFields = MessageFields(),  # noqa: B008 - frozen
    long_text: Annotated[
        Literal["warn", "refuse", "allow"] | None,
        Parameter(
            help="For a text of more than 10 parts, which the platform truncates: warn, refuse the file, or allow it. "
            "Default: warn.",
            group=MESSAGE,
        ),
    ] = None,
    mode: Annotated[
        Literal["auto", "each", "batch"] | None,
        Parameter(
            help="One request per message, or one per batch. Default: auto, which sends batches above 1,000 messages.",
            group=SPEED,
        ),
    ] = None,
    chunk_size: Annotated[int | None, Parameter(help="Messages per batch. Default: 10,000.", group=SPEED)] = None,
    concurrency: Annotated[
        int | None, Parameter(help="Requests in flight. Default: 100 in mode each, 2 in mode batch.", group=SPEED)
    ] = None,
    rate: Annotated[
        float | None,
        Parameter(help="Maximum number of requests per second. Default: 1,800, the limit of 8x8.", group=SPEED),
    ] = None,
    durability: Annotated[
        Literal["power", "process"] | None,
        Parameter(
            help="What the journal survives: a power failure (slower), or only a killed process. Default: power.",
            group=SPEED,
        ),
    ] = None,
    duplicates: Annotated[
        Literal["skip", "send"] | None,
        Parameter(
            help="A message that is in the file twice: skip or send the second one. Default: skip.", group=CAMPAIGN
        ),
    ] = None,
    one_per_number: Annotated[
        bool,
        _CAMPAIGN_FLAG,
        Parameter(help="Send only the first message to each number, in the file and in the journal."),
    ] = False,
    require_plus: RequirePlus = False,
    store_private: Annotated[
        bool, _CAMPAIGN_FLAG, Parameter(help="Store numbers and texts in the journal, for export.")
    ] = False,
    resend_unknown: Annotated[
        bool, _CAMPAIGN_FLAG, Parameter(help="Send messages again that may have been sent. Some will arrive twice.")
    ] = False,
    resend_failed: Annotated[
        bool, _CAMPAIGN_FLAG, Parameter(help="Send messages again that 8x8 refused (rejected, failed).")
    ] = False,
    resend_undelivered: Annotated[
        Path | None,
        Parameter(
            help="Send only messages that were accepted and not delivered, by this journal of an earlier campaign (see "
            "`bulk deliveries`). Needs a journal of its own, and asks before it sends, or --yes.",
            group=CAMPAIGN,
        ),
    ] = None,
    allow_changed_input: Annotated[
        bool,
        _CAMPAIGN_FLAG,
        Parameter(
            help="Continue although the file's messages differ from those that the campaign began with. New messages "
            "are sent, so a person whose message changed gets a second one. --dry-run counts them."
        ),
    ] = False,
    allow_changed_account: Annotated[
        bool,
        _CAMPAIGN_FLAG,
        Parameter(
            help="Continue under another host or sub-account. Messages settled under the first are not sent again."
        ),
    ] = False,
    accept_loss: Annotated[
        bool,
        _CAMPAIGN_FLAG,
        Parameter(help="Continue with a journal that lost claims. Messages sent under a lost claim are sent again."),
    ] = False,
    limits: PlanOptions = PlanOptions(),  # noqa: B008 - frozen
    include_private: Annotated[bool, FLAG, Parameter(help="Show number and text of the samples in the plan.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    connection: ConnectionOptions = ConnectionOptions(),  # noqa: B008 - frozen
) -> int:
    """Send the messages of a file that are not settled in the journal.

    The file has the same format as for `send-each`. Each message is recorded in the journal before it is sent. After a
    crash, run the same command again: it sends only the messages that were not sent. A message that may have been sent
    is `unknown` and is not sent again; `bulk reconcile` finds out what happened to it.

    The journal remembers FILE and the options, so `--journal` alone continues the campaign. It contains no numbers and
    no filled-in texts. A file with other messages is refused.

    Ctrl-C or SIGTERM stops the run after the requests in flight are answered. A second one stops it at once. A closed
    terminal (SIGHUP) stops it like the first Ctrl-C, never at once; under `nohup` SIGHUP is ignored. A log file gets a
    line of progress every 15 seconds.

    ```
    eightbyeight bulk run people.csv --text "Hi {name}" --journal run.db --dry-run
    eightbyeight bulk run people.csv --text "Hi {name}" --journal run.db
    eightbyeight bulk run --journal run.db
    ```
    """
    from eightbyeight_async.cli.bulk.campaign_run import OneRunOptions  # noqa: PLC0415
    from eightbyeight_async.cli.bulk.start import run_campaign  # noqa: PLC0415

    how, message = with_file_encoding(how, message)
    message.values()  # raises an error if an option is wrong
    given = {
        **how.values(),
        "file": file,
        "message": {name: value for name, value in asdict(message).items() if value is not None},
        "long_text": long_text,
        "mode": mode,
        "chunk_size": chunk_size,
        "concurrency": concurrency,
        "rate": rate,
        "durability": durability,
        "duplicates": duplicates,
        "one_per_number": one_per_number or None,
        "require_plus": require_plus or None,
        "store_private": store_private or None,
        "prices": None if limits.prices is None else str(limits.prices),
        "account_id": limits.account_id,
        "max_cost": limits.max_cost,
        "max_messages": limits.max_messages,
        "include_private": include_private or None,
        "keep_trying": limits.keep_trying,
        "resend_undelivered": None if resend_undelivered is None else str(resend_undelivered),
        "on_end": limits.on_end,
        "trial": limits.trial(),
    }
    limits.limits()  # raises an error if an option is wrong
    one_run = OneRunOptions(
        resend_unknown=resend_unknown,
        resend_failed=resend_failed,
        allow_changed_input=allow_changed_input,
        allow_changed_account=allow_changed_account,
        accept_loss=accept_loss,
    )
    return run_campaign(given, one_run, where.place(), connection, dry_run=dry_run, as_json=as_json)
