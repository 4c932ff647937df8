"""Reads a ledger without a client, from any machine; also settles a message, writes receipts, and stops a campaign."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from eightbyeight_async.bulk.errors import AccountChangedError, named
from eightbyeight_async.bulk.judging.message_keys import Keys
from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.bulk.settling.deliveries import note_receipts
from eightbyeight_async.ledger.at_work import LedgerAtWork
from eightbyeight_async.ledger.connection import Connection
from eightbyeight_async.ledger.errors import LedgerError
from eightbyeight_async.ledger.schema import check, prepare
from eightbyeight_async.ledger.settings import checked_url
from eightbyeight_async.ledger.settle_ledger import LedgerSettling

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eightbyeight_async.bulk.store.records import Account, MessageRow
    from eightbyeight_async.models.webhooks import DeliveryReceipt

__all__ = ["LedgerReader", "opened"]

_PAGE = 5_000
_PLANNED = f"""
SELECT m.claim, m.key, m.who, m.what, m.state, m.run, m.place, m.claimed, m.scheduled, m.due, m.cancelled
FROM eightbyeight.message AS m
WHERE m.campaign=%(campaign)s AND m.claim>%(after)s ORDER BY m.claim LIMIT {_PAGE}
"""


class LedgerReader(LedgerSettling, LedgerAtWork):
    """Reads a campaign, and settles its messages by hand. Use it in a `with` block. It claims nothing.

    Args:
        url: URL of the database.
        name: name of the campaign.
        missing_ok: whether the campaign may be missing; `salt` is then empty.

    Raises (on entering):
        LedgerError: the database cannot be read, or has no such campaign.
    """

    salt: bytes
    lease: float

    def __init__(self, url: str, name: str, *, missing_ok: bool = False, patience: float = 10.0) -> None:
        self._clock = None
        self._number = None
        self._db = Connection(checked_url(url), patience)
        self._name = name
        self._missing_ok = missing_ok
        self.salt, self.lease, self._campaign, self._session = b"", 0.0, 0, 0

    def __enter__(self) -> Self:
        self._db.open()
        try:
            found = []
            if check(self._db):
                prepare(self._db)
                statement = "SELECT id, salt, lease FROM eightbyeight.campaign WHERE name=%(name)s"
                found = self._db.rows(statement, {"name": self._name})
            if found:
                self._campaign, self.salt, self.lease = found[0]
            elif not self._missing_ok:
                raise LedgerError("there is no campaign of this name: check the name; a run makes one")  # noqa: TRY301
        except BaseException:
            self._db.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def check_account(self, account: Account, *, allowed: bool) -> None:
        """Raises AccountChangedError if the campaign holds the messages of another account."""
        before = self.account()
        if before not in (None, account) and not allowed:
            raise AccountChangedError(before, account)

    def rows(self, state: State | None = None) -> Iterator[MessageRow]:
        """Yields every message in the order of the claims."""
        last = 0
        while page := self.page(last, state):
            for _, row in page:
                yield row
            last = page[-1][0]

    def planned_rows(self) -> Iterator[tuple[Any, ...]]:
        """Yields every message in the form that `PlanStore.adopt` takes."""
        last = 0
        while page := self._rows(_PLANNED, after=last):
            yield from page
            last = page[-1][0]

    def resolve_by_hand(self, key: str, *, sent: bool) -> bool:
        """Settles an UNKNOWN message; False: no UNKNOWN message has this key."""
        return self._db.transact(lambda: self.resolve(key, State.SENT if sent else State.NOT_SENT))

    def feed(self, receipts: Sequence[DeliveryReceipt]) -> int:
        """Writes receipts in one commit. Returns the number of this campaign's messages that the receipts are about."""
        return self._db.transact(lambda: note_receipts(self, Keys(self.salt), receipts))

    def stop(self, why: str | None) -> None:
        """Stops all claims, from the commit of this call on. `why` None: claims are granted again."""
        statement = "UPDATE eightbyeight.campaign SET stopped=%(why)s WHERE id=%(campaign)s"
        self._db.transact(lambda: self._rows(statement, why=why))


@contextmanager
def opened(url: str, name: str) -> Iterator[LedgerReader]:
    """Opens a campaign to read. Its errors name the campaign."""
    with named(name), LedgerReader(url, name) as reader:
        yield reader
