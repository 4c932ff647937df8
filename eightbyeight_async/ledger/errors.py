"""The errors of a ledger. A message is one line without password, API key, phone number or text."""

from __future__ import annotations

from eightbyeight_async.bulk.errors import JournalError

__all__ = ["DatabaseLedgerError", "LedgerError", "LedgerLostError", "PassingLedgerError"]


class LedgerError(JournalError):
    """The database cannot be opened, read or written. No message was sent without a committed claim. `sent` is NO."""

    book = "ledger"


class DatabaseLedgerError(LedgerError):
    """The database itself is the problem, whatever the name of the ledger: its URL, its state, its tables."""


class PassingLedgerError(DatabaseLedgerError):
    """The database could not be reached for longer than the ledger's patience. The next call tries again."""

    passing = True


class LedgerLostError(LedgerError):
    """The database lacks claims that it had committed: a fail-over to a replica that lagged, or a backup put back.

    What was sent under those claims would be sent twice. This process sends nothing any more; open the ledger again
    when it is known what the database lacks.
    """
