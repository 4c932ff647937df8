"""One thread's PostgreSQL connection, which reconnects when it is lost.

Rules:
- Nothing depends on the state of a session: no prepared statements, no session settings, no session locks, no temporary
  tables. So PgBouncer in transaction mode may be used.
- Every transaction commits durably (`synchronous_commit`), even if the role has another default.
- If the connection is lost during a transaction, even during COMMIT, the whole transaction is run again. So its body
  must recognise what it has already written: it recognises claims by their number.
- A process that hangs within a transaction blocks other processes for at most 10 seconds. Then the server ends its
  connection.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict

from eightbyeight_async.ledger.errors import DatabaseLedgerError, LedgerError, PassingLedgerError

__all__ = ["Connection", "problem", "storable", "warn_of_fsync"]

T = TypeVar("T")

_BEGIN = b"""
BEGIN; SET LOCAL jit=off; SET LOCAL enable_seqscan=off;
SET LOCAL idle_in_transaction_session_timeout='10s'; SET LOCAL lock_timeout='20s';
SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit')='off'
"""
# With these settings, a server that disappears without closing the connection is noticed after about 20 seconds.
_NETWORK = {
    "connect_timeout": 10,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "application_name": "eightbyeight-ledger",
}
# SQLSTATEs of errors that may pass: connection, conflict, resources, lock, shutdown, disk; also a replica that is not
# promoted yet.
_PASSING = ("08", "40", "53", "55", "57", "58", "25006")
_log = logging.getLogger("eightbyeight_async")
_warned: set[str] = set()  # URLs of databases about which this process has already warned
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8)  # seconds of the pauses between attempts; the last pause repeats


class Connection:
    """A connection for one thread.

    Args:
        url: URL of the database.
        patience: seconds for which it tries to reconnect.
        durable: whether commits wait for the disk.
        sleep, clock: passed in for tests.

    Attributes:
        inside: whether a transaction is running.
        again: whether the current transaction is a repetition; the first run may have been committed.
    """

    def __init__(
        self,
        url: str,
        patience: float,
        *,
        durable: bool = True,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.again: bool = False
        self.inside: bool = False
        self._url = url
        self._patience = patience
        self._begin = _BEGIN if durable else b"BEGIN; SET LOCAL synchronous_commit=off"
        self._sleep = sleep
        self._clock = clock
        self._connection: psycopg.Connection | None = None
        self._gave_up = False

    def open(self) -> None:
        """Connects, with a single attempt.

        Raises:
            LedgerError: the database cannot be reached, or refuses the user.
        """
        try:
            self._connected()
        except psycopg.Error as error:
            self.close()
            raise problem(error) from error

    def close(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    def give_up(self) -> None:
        """Stops reconnecting: the present attempt is the last one. Any thread may call it."""
        self._gave_up = True

    def transact(self, body: Callable[[], T]) -> T:
        """Runs `body` in a transaction. Returns after its commit.

        Raises:
            PassingLedgerError: the database could not be reached for longer than the patience. The transaction may have
                been committed or not.
            LedgerError: the database refuses it.
        """

        def attempt() -> T:
            connection = self._connected()
            connection.execute(self._begin)
            self.inside = True
            try:
                value = body()
                connection.execute(b"COMMIT")
            except BaseException:
                with suppress(psycopg.Error):
                    connection.execute(b"ROLLBACK")
                raise
            finally:
                self.inside = False
            return value

        return self._patiently(attempt)

    def rows(self, statement: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Runs a statement and returns its rows. Outside of a transaction it reconnects if necessary."""
        if self.inside and self._connection is not None:
            return self._execute(self._connection, statement, values)
        return self._patiently(lambda: self._execute(self._connected(), statement, values))

    def try_once(self, statement: str, values: Mapping[str, Any]) -> None:
        """Runs a statement if the connection still exists. Nothing depends on the statement, so errors are ignored."""
        if self._connection is not None and not self._connection.closed:
            with suppress(psycopg.Error):
                self._execute(self._connection, statement, values)

    def _execute(
        self, connection: psycopg.Connection, statement: str, values: Mapping[str, Any] | None
    ) -> list[tuple[Any, ...]]:
        cursor = connection.execute(statement.encode(), values)
        return cursor.fetchall() if cursor.description is not None else []

    def _connected(self) -> psycopg.Connection:
        if self._connection is None or self._connection.closed:
            given = conninfo_to_dict(self._url)
            self._connection = psycopg.connect(
                self._url,
                autocommit=True,
                prepare_threshold=None,
                **{name: value for name, value in _NETWORK.items() if name not in given},  # type: ignore[arg-type]
            )
        return self._connection

    def _patiently(self, attempt: Callable[[], T]) -> T:
        until: float | None = None
        tries = 0
        try:
            while True:
                try:
                    return attempt()
                except psycopg.Error as error:
                    if not self._may_pass(error):
                        raise problem(error) from error
                    now = self._clock()
                    until = now + self._patience if until is None else until
                    if now >= until or self._gave_up:
                        raise problem(error, passing=True) from error
                self.again = True
                self._sleep(_PAUSES[min(tries, len(_PAUSES) - 1)])
                tries += 1
        finally:
            self.again = False

    def _may_pass(self, error: psycopg.Error) -> bool:
        lost = self._connection is None or self._connection.broken or self._connection.closed
        if lost:
            self.close()
        return lost or (error.sqlstate or "").startswith(_PASSING)


def problem(error: Exception, *, passing: bool = False) -> LedgerError:
    """Returns the LedgerError for an error of the database.

    It shows only the first line of that error, because the next lines can show values.
    """
    if isinstance(error, LedgerError):
        return error
    words = ""
    if isinstance(error, psycopg.Error):
        words = error.diag.message_primary or ""
    words = (words or str(error) or type(error).__name__).splitlines()[0]
    kind = PassingLedgerError if passing else DatabaseLedgerError
    return kind(f"the database cannot be used: {words}")


def storable(text: str) -> str:
    """Returns a text of the API with `?` for what PostgreSQL cannot store: NUL and lone surrogates.

    So one bad id does not fail a whole group.
    """
    if text.isascii():
        return text.replace("\0", "?")
    return text.encode("utf-8", "replace").decode().replace("\0", "?")


def warn_of_fsync(connection: Connection, url: str) -> None:
    """Warns if the database does not sync to disk.

    It warns once per database in each process, because some processes open the ledger for each job.
    """
    if url not in _warned and connection.rows("SELECT current_setting('fsync')")[0][0] == "off":
        _warned.add(url)
        _log.warning("the ledger's database runs with fsync=off: it loses claims when its machine fails")
