"""Stores the file's path and the options of a `bulk run` in its journal, and reads them back for the next run.

Rules:
- An option on the command line replaces the stored one, option by option.
- Options for one run (`--resend-unknown`, `--dry-run`, ...) are not stored.
- The path and the options are stored compressed, so that the journal does not contain `--text` in plain text. This is
  not encryption: everybody with the journal can read them.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs

from eightbyeight_async.bulk.errors import AccountChangedError, JournalError
from eightbyeight_async.bulk.report import Status
from eightbyeight_async.bulk.store.journal_file import RESTORE, Durability, is_blank, real_path
from eightbyeight_async.bulk.store.journal_queries import opened_to_read
from eightbyeight_async.bulk.store.journal_without_client import make_unused
from eightbyeight_async.bulk.store.records import Account
from eightbyeight_async.cli.commands.shared_options import as_option
from eightbyeight_async.cli.exit_codes import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "CHECKED",
    "OPTIONS",
    "READING",
    "STDIN",
    "JournalSummary",
    "RememberedOptions",
    "journal_usage_errors",
    "new_journal",
    "packed",
    "read_summary",
]

STDIN = "-"
OPTIONS, CHECKED = "command_line", "checked_file"  # names of the values in the journal
# The options about how the file is read, as `FileOptions` names them.
READING = (
    "text", "window", "weekdays", "rules", "rate_for",
    "map", "default_country", "clean_numbers", "file_format", "file_encoding", "sheet",
    "delimiter", "multiline",
)  # fmt: skip


@attrs.frozen(kw_only=True)
class RememberedOptions:
    """The options of a `bulk run` that the journal stores. Values are as on the command line.

    Attributes:
        file: absolute path of the file; `-` for stdin.
        text: the template of `--text`; None: each row has its own text.
        file_format: `csv`, `jsonl`, `xlsx` or `ods`; None: taken from the file's name.
        delimiter: separator of CSV cells; None: taken from the header.
        multiline: whether quoted cells of a CSV may contain line breaks.
        map: values of `--map`, such as `Phone Number=destination`.
        default_country: two letters, for numbers without `+` in rows without a country.
        window: when messages may be sent to people, such as `09:00-20:00`; None: at any time of day.
        weekdays: whether no message is sent on Saturdays and Sundays.
        rules: absolute path of a file with senders, rates and windows by country.
        rate_for: rates by country, such as `SG=100`.
        clean_numbers: whether numbers are cleaned.
        file_encoding: encoding of the file; None: UTF-8.
        sheet: name of the sheet of a spreadsheet; None: its only sheet.
        message: per field: the value for rows without a value.
        long_text: what to do with a text of more than 10 parts: `warn`, `refuse` or `allow`.
        mode: `each`: one request per message; `batch`: one per `chunk_size` messages; `auto`: the campaign chooses.
        chunk_size: messages per request in mode `batch`.
        concurrency: maximum number of requests in flight; None: the campaign's default.
        rate: maximum number of requests per second; None: the campaign's default.
        durability: what the journal survives: `power` failures, or the end of the `process`.
        duplicates: whether a message that is in the file twice is left out (`skip`) or sent again (`send`).
        one_per_number: whether only the first message to each number is sent.
        require_plus: whether a number without `+` and without country is refused.
        opt_out: absolute paths of files with the numbers of people who have opted out.
        bad_rows: absolute path of the file for rows with a problem; None: such a row makes the run refuse the whole
            file.
        resend_undelivered: absolute path of the journal whose undelivered messages are sent again; None: all are sent.
        store_private: whether the journal contains numbers and texts.
        keep_trying: how long a run waits for the network, such as `30m`; None: it does not wait.
        prices: absolute path of a price list; None: the prices come from 8x8.
        account_id: the account whose prices and balance are used; None: the account of the environment.
        max_cost: an amount; a run that may cost more sends nothing.
        max_messages: a run with more messages to send sends nothing.
    """

    file: str
    text: str | None = None
    file_format: str | None = None
    delimiter: str | None = None
    multiline: bool = False
    map: Sequence[str] = ()
    default_country: str | None = None
    clean_numbers: bool = False
    window: str | None = None
    weekdays: bool = False
    rules: str | None = None
    rate_for: Sequence[str] = ()
    file_encoding: str | None = None
    sheet: str | None = None
    message: Mapping[str, str] = attrs.field(factory=dict)
    long_text: str = "warn"
    mode: Literal["auto", "each", "batch"] = "auto"
    chunk_size: int = 10_000
    concurrency: int | None = None
    rate: float | None = None
    durability: Durability = "power"
    duplicates: Literal["skip", "send"] = "skip"
    one_per_number: bool = False
    require_plus: bool = False
    opt_out: Sequence[str] = ()
    bad_rows: str | None = None
    resend_undelivered: str | None = None
    store_private: bool = False
    keep_trying: str | None = None
    prices: str | None = None
    account_id: str | None = None
    max_cost: str | None = None
    max_messages: int | None = None

    @classmethod
    def merged(cls, remembered: Mapping[str, Any], given: Mapping[str, Any]) -> RememberedOptions:
        """Combines the stored options with the options of the command line. The command line has priority.

        Args:
            remembered: stored options by name; empty for a new journal.
            given: options of the command line by name; None or `{}` if not given.

        Raises:
            UsageError: no file is given and none is stored, or the stored file is stdin.
        """
        asked = {name: value for name, value in given.items() if value not in (None, {})}
        file = asked.get("file")
        if file is not None and file != STDIN:
            asked["file"] = os.path.abspath(file)  # noqa: PTH100 - resolve() would follow a symbolic link, which may point elsewhere at the next run
        elif file is None and remembered.get("file") == STDIN:
            raise UsageError(
                "FILE: the messages came from stdin; give the same messages on stdin again, with - for FILE"
            )
        elif file is None and "file" not in remembered:
            raise UsageError("FILE is missing, and this journal remembers no file")
        for name in ("prices", "resend_undelivered", "rules"):
            if asked.get(name) is not None:
                asked[name] = os.path.abspath(asked[name])  # noqa: PTH100 - as the file's
        if asked.get("opt_out"):
            asked["opt_out"] = [os.path.abspath(one) for one in asked["opt_out"]]  # noqa: PTH100 - as the file's
        if asked.get("bad_rows") is not None:
            asked["bad_rows"] = os.path.abspath(asked["bad_rows"])  # noqa: PTH100 - as the file's
        elif file is not None and remembered.get("bad_rows") == asked["file"]:
            asked["bad_rows"] = None  # the file of bad rows is now the input
        message = {**remembered.get("message", {}), **asked.get("message", {})}
        known = {field.name for field in attrs.fields(cls)}
        return cls(
            **{name: value for name, value in {**remembered, **asked, "message": message}.items() if name in known}
        )

    def taken_from_journal(self, remembered: Mapping[str, Any], given: Mapping[str, Any]) -> str:
        """Returns, for a note, the names of the options that only the journal gives; for the file its own name.

        No other value is shown.
        """
        defaults = {field.name: field.default for field in attrs.fields(type(self))}
        names = [] if given.get("file") or "file" not in remembered else [Path(self.file).name]
        for name, value in remembered.items():
            if name == "message":
                names += [as_option(field) for field in value if field not in given.get("message", {})]
            elif name in defaults and name != "file" and given.get(name) is None and value not in ([], defaults[name]):
                names.append("--format" if name == "file_format" else as_option(name))
        return ", ".join(names)


@attrs.frozen(kw_only=True)
class JournalSummary:
    """What a run needs to know from an existing journal.

    Attributes:
        salt: the journal's salt, for fingerprints.
        fingerprint: fingerprint of the messages that the campaign began with; None: it has not begun.
        settings: stored options by name; empty if no `bulk run` has used this journal.
        status: the campaign's counts.
        checked: what `remembered_file_check` stored; None: nothing.
        account: host and sub-account of the journal's messages; None: it has no message yet.
    """

    salt: bytes
    fingerprint: str | None
    settings: Mapping[str, Any]
    status: Status
    checked: bytes | None
    account: Account | None


@contextmanager
def journal_usage_errors(journal: Path) -> Iterator[None]:
    """Turns a JournalError into a UsageError. Only for code that runs before anything is sent."""
    try:
        yield
    except AccountChangedError as wrong:
        raise UsageError(
            f"--journal {journal}: it belongs to {wrong.before}, and this is {wrong.now}; nothing was sent. Use "
            "another journal, or its settings, or --allow-changed-account (see --help)"
        ) from wrong
    except JournalError as wrong:
        raise UsageError(f"--journal {journal}: {wrong.reason}") from wrong


def read_summary(journal: Path, *, accept_loss: bool = False) -> JournalSummary | None:
    """Reads the options and counts of a journal. None: there is no journal at this path yet.

    Raises:
        UsageError: the file is not a journal, is damaged, or cannot be read.
    """
    with journal_usage_errors(journal):
        path = real_path(journal)
        if is_blank(path):
            return None
        with opened_to_read(path, accept_loss=accept_loss) as reader:
            stored, fingerprint, checked = (reader.meta(name) for name in (OPTIONS, "fingerprint", CHECKED))
            status, account = reader.status(time.time()), reader.account()
        try:
            settings = json.loads(zlib.decompress(stored)) if stored is not None else {}
        except (zlib.error, ValueError) as error:
            raise JournalError(
                f"the file is damaged: its options cannot be read; nothing was sent: {RESTORE}"
            ) from error
    return JournalSummary(
        salt=reader.salt, fingerprint=fingerprint, settings=settings, status=status, checked=checked, account=account
    )


def new_journal(journal: Path, durability: Durability) -> JournalSummary:
    """Creates an empty journal.

    Raises:
        UsageError: the journal cannot be created.
    """
    with journal_usage_errors(journal):
        make_unused(journal, durability)
    summary = read_summary(journal)
    if summary is None:
        raise UsageError(f"--journal {journal}: cannot be created")
    return summary


def packed(settings: RememberedOptions) -> bytes:
    """Returns the options in the form that the journal stores: compressed JSON."""
    return zlib.compress(json.dumps(attrs.asdict(settings)).encode())
