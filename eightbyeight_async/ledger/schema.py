"""The tables of a ledger, made and changed in steps.

Rules:
- A step is never changed: a new version of the tables is a new step.
- The steps run in one transaction under an advisory lock of that transaction, so two processes can begin at the same
  time.
- A database whose version is above `VERSION` belongs to a newer package, and is refused.
- No phone number and no text is stored. Times are seconds since 1970 by the database's clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eightbyeight_async.ledger.errors import DatabaseLedgerError

if TYPE_CHECKING:
    from eightbyeight_async.ledger.connection import Connection

__all__ = ["LOCK", "VERSION", "check", "prepare"]

LOCK = 0x38783842  # "8x8B"; this package uses this number for all its advisory locks in a database

_FIRST = """
CREATE TABLE eightbyeight.campaign (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,
    salt bytea NOT NULL,
    lease double precision NOT NULL,
    runs integer NOT NULL DEFAULT 0,
    stopped text,
    made double precision NOT NULL
);
CREATE TABLE eightbyeight.meta (
    campaign integer NOT NULL, name text COLLATE "C" NOT NULL, value text NOT NULL, PRIMARY KEY (campaign, name)
);
CREATE TABLE eightbyeight.account (
    number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    host text NOT NULL, subaccount_id text NOT NULL, UNIQUE (host, subaccount_id)
);
-- An open campaign of one process. last: the number of its last committed claim; at: when it wrote last.
CREATE TABLE eightbyeight.session (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign integer NOT NULL, host text NOT NULL, pid integer NOT NULL,
    began double precision NOT NULL, at double precision NOT NULL, last bigint NOT NULL
);
CREATE INDEX session_campaign ON eightbyeight.session (campaign, at);
-- cancelled: of a batch that was cancelled in part, how many of its messages; 8x8 does not say which.
CREATE TABLE eightbyeight.batch (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign integer NOT NULL, batch_id text COLLATE "C" NOT NULL, cancelled integer NOT NULL DEFAULT 0,
    UNIQUE (campaign, batch_id)
);
-- claim: session << 32 | counter. A message that is claimed again has another one, so it is a fencing token.
-- run, times: the last run that met the message, and how often. place: its index in that run's input.
-- claimed, at: when it was claimed, and when its state changed last. scheduled: as sent; due: as met last.
-- who, what: digests of number, of sender and text. cancelled: NULL or a CancelMark.
CREATE TABLE eightbyeight.message (
    campaign integer NOT NULL, state smallint NOT NULL, cancelled smallint, claim bigint NOT NULL,
    claimed double precision NOT NULL, at double precision, who bigint NOT NULL, what bigint,
    run integer NOT NULL, times integer NOT NULL DEFAULT 1, place bigint NOT NULL,
    account integer NOT NULL, code bigint, batch bigint,
    scheduled double precision, due double precision,
    key text COLLATE "C" NOT NULL, umid text COLLATE "C",
    PRIMARY KEY (campaign, key)
);
CREATE UNIQUE INDEX message_claim ON eightbyeight.message (campaign, claim);
CREATE INDEX message_open ON eightbyeight.message (campaign, claim) WHERE state IN (0, 4);
CREATE INDEX message_scheduled ON eightbyeight.message (campaign, batch, claim) WHERE scheduled IS NOT NULL;
-- Rows of 8x8's log while a session reconciles.
CREATE UNLOGGED TABLE eightbyeight.logged (
    number bigint GENERATED ALWAYS AS IDENTITY, session integer NOT NULL,
    claim bigint NOT NULL, umid text NOT NULL, refused boolean NOT NULL, created double precision,
    who bigint, ours boolean NOT NULL, exact boolean NOT NULL
);
CREATE INDEX logged_claim ON eightbyeight.logged (session, claim);
-- The pace of a sub-account. Not logged: after a crash of the database it begins anew.
CREATE UNLOGGED TABLE eightbyeight.pace (
    account text PRIMARY KEY, top double precision NOT NULL, rate double precision NOT NULL,
    next double precision NOT NULL,
    paused double precision NOT NULL, lowered double precision NOT NULL, changed double precision NOT NULL
);
"""
_RECEIPTS = """
-- What is known of the delivery of messages. id: the umid in lower case. at: when the state was observed.
CREATE TABLE eightbyeight.delivery (
    id text COLLATE "C" PRIMARY KEY, umid text, state text, detail text, code text, reason text, at double precision,
    country text, operator text, parts integer, price text, currency text
);
"""
_AT_WORK = """
-- final: whether the state says if the message arrived; NULL: written before there was this column.
ALTER TABLE eightbyeight.delivery ADD COLUMN final boolean;
-- ended: when the process closed it; NULL: it is open, or its process died.
ALTER TABLE eightbyeight.session ADD COLUMN ended double precision
"""
# An older package would compute other keys with a longer salt, and send messages again: a new version keeps it out.
_KEYS = """
COMMENT ON COLUMN eightbyeight.campaign.salt IS 'of 16, 17 or 18 bytes; its length shows the rule of the keys'
"""
_STEPS = (_FIRST, _RECEIPTS, _AT_WORK, _KEYS)
VERSION = len(_STEPS)

_VERSION_TABLE = """
CREATE SCHEMA IF NOT EXISTS eightbyeight;
CREATE TABLE IF NOT EXISTS eightbyeight.version (version integer PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())
"""


def prepare(connection: Connection) -> None:
    """Makes the tables, or brings them up to `VERSION`.

    Raises:
        LedgerError: the database belongs to a newer package, or the user may not make the tables.
    """
    found = check(connection)
    if found == VERSION:
        return

    def steps() -> None:
        connection.rows(f"SELECT pg_advisory_xact_lock({LOCK})")
        for statement in _VERSION_TABLE.split(";"):
            connection.rows(statement)
        before = check(connection)
        for number, step in enumerate(_STEPS[before:], before + 1):
            connection.rows(step)
            connection.rows("INSERT INTO eightbyeight.version (version) VALUES (%(number)s)", {"number": number})

    try:
        connection.transact(steps)
    except DatabaseLedgerError as error:
        if not found:
            raise
        raise type(error)(
            f"the tables have version {found}, this package needs {VERSION} and could not change them: any command of "
            f"this package does, once, as a user who may ({error.reason})"
        ) from error


def check(connection: Connection) -> int:
    """Returns the version of the tables; 0: there are none.

    Raises:
        LedgerError: the database belongs to a newer package.
    """
    if connection.rows("SELECT to_regclass('eightbyeight.version')")[0][0] is None:
        return 0
    version = int(connection.rows("SELECT coalesce(max(version), 0) FROM eightbyeight.version")[0][0])
    if version > VERSION:
        raise DatabaseLedgerError(
            f"the tables have version {version}, and this package knows {VERSION}: install the newer package here, too"
        )
    return version
