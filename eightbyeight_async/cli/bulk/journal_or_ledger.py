"""The place of a `bulk` command's campaign: a journal, or a name in a ledger.

Rules:
- A ledger stores no options: they contain the text of the messages, and each machine has its own paths.
- The URL of a ledger is never printed with its password.
"""

from __future__ import annotations

import shlex
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from eightbyeight_async.bulk import AccountChangedError, Campaign, JournalError, deliveries, feed_receipts, status
from eightbyeight_async.bulk import follow as follow_journal
from eightbyeight_async.bulk import read_rows as rows_of_journal
from eightbyeight_async.bulk.store.journal_file import NONE_HERE, is_blank, real_path
from eightbyeight_async.bulk.store.journal_without_client import remove_unused, resolve_message
from eightbyeight_async.bulk.store.plan_store import PlanStore
from eightbyeight_async.bulk.store.records import Account
from eightbyeight_async.cli.bulk.remembered_options import (
    CHECKED,
    OPTIONS,
    JournalSummary,
    journal_usage_errors,
    new_journal,
    packed,
    read_summary,
)
from eightbyeight_async.cli.exit_codes import UsageError
from eightbyeight_async.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from eightbyeight_async.bulk import Deliveries, MessageRow, State, Status
    from eightbyeight_async.bulk.store.journal_file import Durability
    from eightbyeight_async.bulk.store.records import Policy
    from eightbyeight_async.cli.bulk.remembered_options import RememberedOptions
    from eightbyeight_async.client import AsyncConnectClient
    from eightbyeight_async.ledger.at_work import AtWork
    from eightbyeight_async.ledger.workers import Chunks
    from eightbyeight_async.models.webhooks import DeliveryReceipt

__all__ = ["JournalPlace", "LedgerPlace", "Place"]

_LEDGER = "--ledger (EIGHTBYEIGHT_LEDGER)"
_SHARE = 10  # The pause after a read is at least this many times the duration of the read.


class Place(Protocol):
    """What the commands need from the place of a campaign.

    Attributes:
        name: name of the place, for messages to the user.
        book: "journal" or "ledger".
        words: the options that select the place, in a form that may be printed.
    """

    @property
    def name(self) -> str: ...
    @property
    def book(self) -> str: ...
    @property
    def words(self) -> str: ...

    def usage_errors(self) -> AbstractContextManager[None]:
        """Turns a JournalError into a UsageError. Only for code that runs before anything is sent."""
        ...

    def check(self, settings: RememberedOptions, *, accept_loss: bool) -> None:
        """Raises UsageError if an option cannot be used with this place."""
        ...

    def summary(self, *, accept_loss: bool = False) -> JournalSummary | None:
        """Returns what a run needs to know about the campaign; None: there is no campaign yet."""
        ...

    def make(self, durability: Durability) -> JournalSummary:
        """Makes the campaign."""
        ...

    def remove_unused(self) -> None:
        """Removes what `make` made, if it is unused and no other process may be about to use it."""
        ...

    def plan_store(self, policy: Policy, *, accept_loss: bool) -> PlanStore:
        """Returns a copy of the claims for a plan. Call it after the account was compared."""
        ...

    def campaign(self, client: AsyncConnectClient, **options: Any) -> Campaign:  # noqa: ANN401 - of different types
        """Returns the campaign, which is not open yet."""
        ...

    async def remember(self, campaign: Campaign, settings: RememberedOptions, checked: bytes | None) -> None:
        """Stores what the next run may rely on: the check, and in a journal also the options."""
        ...

    def chunks(self) -> Chunks | None:
        """The queue of the file's chunks, for several processes; None: each sends the whole file."""
        ...

    def at_work(self) -> AtWork | None:
        """Returns the processes and chunks at work; None: a journal's campaign runs in one process."""
        ...

    def status(self) -> Status: ...
    def deliveries(self) -> Deliveries: ...
    def rows(self, state: State | None = None) -> Iterator[MessageRow]: ...
    def resolve(self, key: str, *, sent: bool) -> None: ...
    def feed(self, receipts: Sequence[DeliveryReceipt]) -> int: ...
    def follow(self, interval: float) -> Iterator[tuple[Status, AtWork | None]]: ...

    def file(self) -> Path | None:
        """The file that an output must not replace."""
        ...

    def check_exists(self) -> None:
        """Raises JournalError if there is no campaign: a mistyped name must not make one."""
        ...

    def resume(self, words: str) -> str:
        """Returns the command line that continues the campaign.

        `words`: that command line, if the campaign stores its options.
        """
        ...


class JournalPlace:
    """A journal. `path`: path of its file."""

    book = "journal"

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def words(self) -> str:
        return f"--journal {shlex.quote(str(self.path))}"

    def usage_errors(self) -> AbstractContextManager[None]:
        return journal_usage_errors(self.path)

    def check(self, settings: RememberedOptions, *, accept_loss: bool) -> None:
        """Does nothing: every option can be used with a journal."""

    def summary(self, *, accept_loss: bool = False) -> JournalSummary | None:
        return read_summary(self.path, accept_loss=accept_loss)

    def make(self, durability: Durability) -> JournalSummary:
        return new_journal(self.path, durability)

    def remove_unused(self) -> None:
        remove_unused(self.path)

    def plan_store(self, policy: Policy, *, accept_loss: bool) -> PlanStore:
        return PlanStore(self.path, policy=policy, accept_loss=accept_loss)

    def campaign(self, client: AsyncConnectClient, **options: Any) -> Campaign:  # noqa: ANN401 - of different types
        return Campaign(client, self.path, **options)

    async def remember(self, campaign: Campaign, settings: RememberedOptions, checked: bytes | None) -> None:
        await campaign.keep(OPTIONS, packed(settings))
        await campaign.keep(CHECKED, checked or b"")

    def chunks(self) -> None:
        """Returns None: a journal's campaign runs in one process."""

    def at_work(self) -> None:
        """Returns None: a journal's campaign runs in one process."""

    def status(self) -> Status:
        return status(self.path)

    def deliveries(self) -> Deliveries:
        return deliveries(self.path)

    def rows(self, state: State | None = None) -> Iterator[MessageRow]:
        return rows_of_journal(self.path, state)

    def resolve(self, key: str, *, sent: bool) -> None:
        resolve_message(self.path, key, sent=sent)

    def feed(self, receipts: Sequence[DeliveryReceipt]) -> int:
        return feed_receipts(self.path, receipts)

    def follow(self, interval: float) -> Iterator[tuple[Status, None]]:
        return ((found, None) for found in follow_journal(self.path, interval))

    def file(self) -> Path | None:
        return self.path

    def check_exists(self) -> None:
        if is_blank(real_path(self.path)):
            raise JournalError(NONE_HERE)

    def resume(self, words: str) -> str:
        return words


class LedgerPlace:
    """A campaign in a ledger.

    Args:
        url: of the database.
        name: of the campaign.
        from_environment: the URL is in `EIGHTBYEIGHT_LEDGER`, so it is not repeated.
    """

    name: str

    book = "ledger"

    def __init__(self, url: str, name: str, *, from_environment: bool) -> None:
        from eightbyeight_async.ledger.settings import checked_name, checked_url  # noqa: PLC0415 - needs psycopg

        try:
            self._url, self.name = checked_url(url), checked_name(name)
        except InvalidRequestError as wrong:
            option = "--campaign" if wrong.field == "name" else _LEDGER
            raise UsageError(f"{option}: {wrong.reason}") from None
        parts = urlsplit(url)
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
        named = f"--campaign {shlex.quote(name)}"
        self.words: str = named if from_environment else f"--ledger {shlex.quote(bare)} {named}"

    @contextmanager
    def usage_errors(self) -> Iterator[None]:
        from eightbyeight_async.ledger.errors import DatabaseLedgerError  # noqa: PLC0415 - needs psycopg

        try:
            yield
        except AccountChangedError as wrong:
            raise UsageError(
                f"--campaign {self.name}: it belongs to {wrong.before}, and this is {wrong.now}; nothing was sent. Use "
                "another name, or its settings, or --allow-changed-account (see --help)"
            ) from wrong
        except JournalError as wrong:
            option = _LEDGER if isinstance(wrong, DatabaseLedgerError) else f"--campaign {self.name}"
            raise UsageError(f"{option}: {wrong.reason}") from wrong

    def check(self, settings: RememberedOptions, *, accept_loss: bool) -> None:
        wrong = {
            "--durability process": settings.durability != "power",
            "--duplicates send": settings.duplicates == "send",
            "--store-private": settings.store_private,
            "--accept-loss": accept_loss,
            "--resend-undelivered": settings.resend_undelivered is not None,
        }
        for option, given in wrong.items():
            if given:
                raise UsageError(f"{option}: needs --journal; a ledger does not have it")

    def summary(self, *, accept_loss: bool = False) -> JournalSummary | None:
        from eightbyeight_async.ledger.without_client import LedgerReader  # noqa: PLC0415 - needs psycopg

        with self.usage_errors(), LedgerReader(self._url, self.name, missing_ok=True) as reader:
            if not reader.salt:
                return None
            return JournalSummary(
                salt=reader.salt,
                fingerprint=reader.meta("fingerprint"),
                settings={},
                status=reader.status(0.0),
                checked=reader.meta(CHECKED),
                account=reader.account(),
            )

    def make(self, durability: Durability) -> JournalSummary:
        from eightbyeight_async.ledger.store import LedgerStore  # noqa: PLC0415 - needs psycopg

        with self.usage_errors():
            LedgerStore(self._url, self.name, account=None).close()
        found = self.summary()
        assert found is not None  # noqa: S101 - made a moment ago
        return found

    def remove_unused(self) -> None:
        """Does nothing: another machine may be about to send."""

    def plan_store(self, policy: Policy, *, accept_loss: bool) -> PlanStore:
        from eightbyeight_async.ledger.campaign_source import LedgerSource  # noqa: PLC0415 - needs psycopg

        source = LedgerSource(self._url, self.name, account=Account("", ""), policy=policy, allow_changed_account=True)
        return source.plan(held=False)

    def campaign(self, client: AsyncConnectClient, **options: Any) -> Campaign:  # noqa: ANN401 - of different types
        return Campaign(client, ledger=self._url, name=self.name, **options)

    async def remember(
        self,
        campaign: Campaign,
        settings: RememberedOptions,
        checked: bytes | None,
    ) -> None:
        await campaign.keep(CHECKED, checked or b"")

    def chunks(self) -> Chunks | None:
        """Returns the queue of chunks; None: PgQueuer is not installed.

        Without it every process reads the whole file, and the claims decide which process sends a message.
        """
        try:
            from eightbyeight_async.ledger.workers import Chunks  # noqa: PLC0415 - needs pgqueuer
        except ModuleNotFoundError:
            return None
        return Chunks(self._url, self.name)

    def at_work(self) -> AtWork:
        with self._reader() as reader:
            found: AtWork = reader.at_work()
            return found

    def status(self) -> Status:
        with self._reader() as reader:
            found: Status = reader.status(0.0)
            return found

    def deliveries(self) -> Deliveries:
        with self._reader() as reader:
            found: Deliveries = reader.deliveries()
            return found

    def rows(self, state: State | None = None) -> Iterator[MessageRow]:
        with self._reader() as reader:
            yield from reader.rows(state)

    def resolve(self, key: str, *, sent: bool) -> None:
        with self._reader() as reader:
            if not reader.resolve_by_hand(key, sent=sent):
                raise InvalidRequestError("key", "no message whose outcome is unknown has it")

    def feed(self, receipts: Sequence[DeliveryReceipt]) -> int:
        with self._reader() as reader:
            return int(reader.feed(receipts))

    def stop(self, why: str | None) -> None:
        """Stops all claims, on every machine. `why` None: claims are granted again."""
        with self.usage_errors(), self._reader() as reader:
            reader.stop(why)

    def follow(self, interval: float) -> Iterator[tuple[Status, AtWork]]:
        """Yields the counts every `interval` seconds, until no process is at work."""
        with self._reader() as reader:
            while True:
                began = time.monotonic()
                # Read before the counts. In the other order, the last commit could be missed.
                found = reader.at_work()
                yield reader.status(0.0), found
                if not found.anybody:
                    return
                time.sleep(max(interval, _SHARE * (time.monotonic() - began)))

    def _reader(self) -> Any:  # noqa: ANN401 - a context manager of a LedgerReader
        from eightbyeight_async.ledger.without_client import opened  # noqa: PLC0415 - needs psycopg

        return opened(self._url, self.name)

    def file(self) -> None:
        """Returns None: a ledger is not a file."""

    def check_exists(self) -> None:
        with self._reader():
            pass

    def resume(self, words: str) -> str:
        return "the same command again"
