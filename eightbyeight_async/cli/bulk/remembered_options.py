"""What a journal remembers for the command line: the file and the options that its campaign began with.

Rules:
- what is given again goes before what is remembered, option by option;
- a wish for one run (`--resend-unknown`, `--dry-run`, ...) is not remembered;
- the path and the options are kept deflated: `--text` must not stand in a journal in clear. Who has the journal can
  still read them: they are as secret as the command was.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs

from eightbyeight_async.bulk.errors import JournalError
from eightbyeight_async.bulk.report import Status
from eightbyeight_async.bulk.store.journal_file import Durability, is_blank, real_path
from eightbyeight_async.bulk.store.journal_without_client import make_unused
from eightbyeight_async.bulk.store.read_journal import opened_to_read
from eightbyeight_async.bulk.store.records import Account
from eightbyeight_async.cli.commands.shared_options import as_option
from eightbyeight_async.cli.exit_codes import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "OPTIONS",
    "STDIN",
    "JournalSummary",
    "RememberedOptions",
    "journal_usage_errors",
    "new_journal",
    "packed",
    "read_summary",
]

STDIN = "-"
OPTIONS = "command_line"  # name of the value in the journal


@attrs.frozen(kw_only=True)
class RememberedOptions:
    """All that a run has to know. Values are as the options have them.

    Attributes:
        file: absolute path, `-` for stdin.
        message: fields of a message by name, for rows that leave them out.
        rate, concurrency: None: as the campaign has it.
    """

    file: str
    text: str | None = None
    file_format: str | None = None
    delimiter: str | None = None
    message: Mapping[str, str] = attrs.field(factory=dict)
    long_text: str = "warn"
    mode: Literal["auto", "each", "batch"] = "auto"
    chunk_size: int = 10_000
    concurrency: int | None = None
    rate: float | None = None
    durability: Durability = "power"
    duplicates: Literal["skip", "send"] = "skip"
    store_private: bool = False

    @classmethod
    def merged(cls, remembered: Mapping[str, Any], given: Mapping[str, Any]) -> RememberedOptions:
        """
        Raises:
            UsageError: nobody named a file.
        """
        asked = {name: value for name, value in given.items() if value not in (None, {})}
        file = asked.get("file")
        if file is not None and file != STDIN:
            asked["file"] = os.path.abspath(file)  # noqa: PTH100 - resolve() would follow a link that may be moved on
        elif file is None and remembered.get("file") == STDIN:
            raise UsageError("FILE: the messages came from stdin; give the same again, with - for FILE")
        elif file is None and "file" not in remembered:
            raise UsageError("FILE is missing: this journal remembers none")
        message = {**remembered.get("message", {}), **asked.get("message", {})}
        known = {field.name for field in attrs.fields(cls)}
        return cls(
            **{name: value for name, value in {**remembered, **asked, "message": message}.items() if name in known}
        )

    def taken_from_journal(self, remembered: Mapping[str, Any], given: Mapping[str, Any]) -> str:
        """What comes from the journal alone, as options are called; of the values only the file's name."""
        defaults = {field.name: field.default for field in attrs.fields(type(self))}
        names = [] if given.get("file") or "file" not in remembered else [Path(self.file).name]
        for name, value in remembered.items():
            if name == "message":
                names += [as_option(field) for field in value if field not in given.get("message", {})]
            elif name in defaults and name != "file" and given.get(name) is None and value != defaults[name]:
                names.append(as_option(name.removeprefix("file_")))
        return ", ".join(names)


@attrs.frozen(kw_only=True)
class JournalSummary:
    """
    Attributes:
        salt: the journal's, for the fingerprint of the file.
        fingerprint: of the messages that the campaign began with, None if it has not begun.
        settings: by name; empty in a journal that the command line has not sent with.
        status: counts.
        account: host and sub-account whose messages it holds; None: no message yet.
    """

    salt: bytes
    fingerprint: str | None
    settings: Mapping[str, Any]
    status: Status
    account: Account | None


@contextmanager
def journal_usage_errors(journal: Path) -> Iterator[None]:
    """A journal that cannot be used is a mistake of the command, as long as nothing was sent."""
    try:
        yield
    except JournalError as wrong:
        raise UsageError(f"--journal {journal}: {wrong.reason}") from wrong


def read_summary(journal: Path, *, accept_loss: bool = False) -> JournalSummary | None:
    """Reads the options and counts of a journal; None: there is no journal yet.

    Raises:
        UsageError: it is no journal, or cannot be used.
    """
    with journal_usage_errors(journal):
        path = real_path(journal)
        if is_blank(path):
            return None
        with opened_to_read(path, accept_loss=accept_loss) as reader:
            stored, fingerprint = reader.meta(OPTIONS), reader.meta("fingerprint")
            status, account = reader.status(time.time()), reader.account()
        try:
            settings = json.loads(zlib.decompress(stored)) if stored is not None else {}
        except (zlib.error, ValueError) as error:
            raise JournalError("the file is damaged: its options cannot be read; nothing was sent") from error
    return JournalSummary(salt=reader.salt, fingerprint=fingerprint, settings=settings, status=status, account=account)


def new_journal(journal: Path, durability: Durability) -> JournalSummary:
    """Makes an empty journal.

    Raises:
        UsageError: it cannot be made.
    """
    with journal_usage_errors(journal):
        make_unused(journal, durability)
    summary = read_summary(journal)
    if summary is None:
        raise UsageError(f"--journal {journal}: cannot be made")
    return summary


def packed(settings: RememberedOptions) -> bytes:
    """The options as the journal keeps them."""
    return zlib.compress(json.dumps(attrs.asdict(settings)).encode())
