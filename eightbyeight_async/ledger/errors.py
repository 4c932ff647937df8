"""The errors of a ledger. A message is one line without password, API key, phone number or text."""

from __future__ import annotations

from eightbyeight_async.bulk.errors import JournalError

__all__ = ["DatabaseLedgerError", "LedgerError", "LedgerLostError", "PassingLedgerError"]


class LedgerError(JournalError):
    """The database cannot be opened, read or written. No message was sent without a committed claim. `sent` is NO."""

    book = "ledger"


class DatabaseLedgerError(LedgerError):
    """The problem is in the database itself (its URL, its state, its tables), and not in one ledger."""


class PassingLedgerError(DatabaseLedgerError):
    """The database could not be reached for longer than the ledger's patience. The next call tries again."""

    passing = True


class LedgerLostError(LedgerError):
    """The database lacks claims that it had committed: after a fail-over to a late replica, or from a backup.

    Messages sent under those claims would be sent twice, so this process sends no more messages. Open the ledger again
    when you know what the database lacks.
    """
