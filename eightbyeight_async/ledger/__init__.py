"""One ledger in PostgreSQL for many processes: a message is claimed in the database before it is sent.

from eightbyeight_async.ledger import Ledger

async with Ledger("postgresql://...", "order-notices", max_rate=1_700) as ledger:
    outcome = await ledger.send_once(client, f"shipped-{order.id}", SmsRequest(...))

Needs the extra `[ledger]` (psycopg, LGPL-3.0) and PostgreSQL 13 or later.
"""

try:
    import psycopg  # noqa: F401
except ModuleNotFoundError as _missing:
    raise ModuleNotFoundError(
        f'the ledger needs {_missing.name}: pip install "eightbyeight-async[ledger]"', name=_missing.name
    ) from None

from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.ledger.errors import LedgerError, LedgerLostError
from eightbyeight_async.ledger.once import Ledger
from eightbyeight_async.ledger.outcome import Outcome

__all__ = ["Ledger", "LedgerError", "LedgerLostError", "Outcome", "State"]
