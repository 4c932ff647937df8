"""One campaign of a ledger, opened by one process; implements `Store`. Only the writer's thread uses it.

A claim is a committed row. It is made before the POST, and belongs to one attempt for one fixed lease. Its number is
the fencing token: the session's number << 32 | a counter. An outcome is written only if the row still has that number.
Rules:
- Keys are sorted in every statement, so that two processes with the same messages do not deadlock.
- The statement that claims checks `stopped` and the session's last committed claim. So after a stop is committed no
  process claims, and a database that lacks committed claims grants nothing.
- A process that finds lost claims stops the campaign for all processes: a process that starts later cannot notice the
  loss.
- A late outcome settles a message that counts as UNKNOWN. A late SENT also replaces NOT_SENT. A late outcome never
  changes a message that was claimed again.
"""

from __future__ import annotations

import os
import secrets
import socket
from typing import TYPE_CHECKING, Any, TypeVar

from eightbyeight_async.bulk.errors import AccountChangedError
from eightbyeight_async.bulk.judging.claims import JournaledMessage, judge_claim, may_claim_again, numbers_taken
from eightbyeight_async.bulk.judging.message_keys import SALT_BYTES, Keys
from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.bulk.store.records import CLAIMED, NUMBER_TAKEN, OPTED_OUT, Claimed, Policy
from eightbyeight_async.ledger import claim_statements as sql
from eightbyeight_async.ledger.connection import Connection, problem, storable, warn_of_fsync
from eightbyeight_async.ledger.errors import LedgerError, LedgerLostError
from eightbyeight_async.ledger.schema import prepare
from eightbyeight_async.ledger.settings import LEASE, PATIENCE
from eightbyeight_async.ledger.settle_ledger import LedgerSettling

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eightbyeight_async.bulk.store.records import Account, Claim, Met, Result

__all__ = ["LedgerStore"]

T = TypeVar("T")

_LOST = (
    "the database lacks claims that it had committed: a fail-over to a replica that lagged, or a backup put back; what "
    "was sent under them would be sent twice. Nothing more is sent. Find out in 8x8's log what is missing here, then "
    "open the ledger again"
)

_STOPPED = (
    "a process found that the database lacks claims (a fail-over, or a backup put back). Find out in 8x8's log what is "
    "missing here; `bulk stop --resume` takes this stop back"
)


class LedgerStore(LedgerSettling):
    """An open campaign.

    Args:
        url: URL of the database.
        name: name of the campaign, which is made if it does not exist.
        account: the account that sends; None: nothing is claimed, or `use` sets it later.
        policy: which settled messages may be claimed again.
        lease: seconds for which a claim is valid, for a new campaign. Otherwise the database has it.
        patience: seconds for which it tries to reconnect.
        allow_changed_account: continue under another account than before.
        marks: whether to store which run saw a message last. Without it, copies within a run are not recognised.
        clock: the wall clock of a test; None: the database's clock.

    Raises:
        AccountChangedError: the campaign holds the messages of another account. LedgerError: the database fails.
    """

    last_id: int
    salt: bytes
    lease: float

    def __init__(
        self,
        url: str,
        name: str,
        *,
        account: Account | None,
        policy: Policy = Policy(),  # noqa: B008 - immutable
        lease: float = LEASE,
        patience: float = PATIENCE,
        allow_changed_account: bool = False,
        marks: bool = True,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.last_id = 0
        self._clock = clock
        self._policy = policy
        self._account = account
        self._allowed = allow_changed_account
        self._marks = marks
        self._run: int | None = None
        self._joined = False  # whether other processes send parts of the same input in this run
        self._number: int | None = None
        self._owned = False
        self._committed = 0  # number of the last claim that was certainly committed
        self._made = 0  # number of the last claim of the current transaction
        self._db = Connection(url, patience)
        self._db.open()
        try:
            warn_of_fsync(self._db, url)
            prepare(self._db)
            self._db.transact(lambda: self._open(name, lease))
        except BaseException:
            self._db.close()
            raise

    def _open(self, name: str, lease: float) -> None:
        values = {"name": name, "salt": secrets.token_bytes(SALT_BYTES), "lease": lease}
        self._campaign, self.lease = 0, lease
        found = "SELECT id, salt, lease FROM eightbyeight.campaign WHERE name=%(name)s"
        if not self._rows(found, **values):
            self._rows(sql.MAKE, **values)
        self._campaign, self.salt, self.lease = self._rows(found, **values)[0]
        self._keys = Keys(self.salt)
        if self._account is not None:
            self._check_account(self._account)
        began = self._rows(sql.BEGIN_SESSION, host=socket.gethostname(), pid=os.getpid())[0]
        self._session, self._began = began
        self.last_id = self._committed = self._made = self._session << 32
        self._rows(
            "UPDATE eightbyeight.session SET last=%(last)s WHERE id=%(session)s",
            last=self._committed, session=self._session,
        )  # fmt: skip

    def _check_account(self, account: Account) -> None:
        before = self.account()
        if before not in (None, account) and not self._allowed:
            raise AccountChangedError(before, account)
        found = self._rows(sql.NUMBER, host=account.host, subaccount=account.subaccount_id)
        self._number = found[0][0] if found else None

    def use(self, account: Account) -> Account | None:
        """Sets the account that sends from now on. Returns the other account if this store or campaign has one."""
        if self._account not in (None, account):
            return self._account  # a call with another account came first: this store claims for that account
        try:
            self._check_account(account)
            self._account = account
            self._own()
        except AccountChangedError:
            self._account = None
            return self.account()
        return None

    def transact(self, body: Callable[[], T]) -> T:
        before = self._run, self._number, self._owned
        self._made = self._committed

        def attempt() -> T:
            self._run, self._number, self._owned = before
            return body()

        try:
            value = self._db.transact(attempt)
        except BaseException as error:
            self._run, self._number, self._owned = before
            if isinstance(error, LedgerLostError):
                self._db.try_once(sql.STOP_LOST, {"campaign": self._campaign, "why": _STOPPED})
            raise
        self._committed = max(self._committed, self._made)
        self.last_id = max(self.last_id, self._committed)
        return value

    def failure(self, error: Exception) -> LedgerError:
        return problem(error)

    def close(self) -> None:
        self._db.try_once(sql.END_SESSION, {"session": self._session, "clock": self._clock and self._clock()})
        self._db.close()

    # A run

    def begin_run(self, part_of: int | None = None) -> bool:
        self._joined = part_of is not None
        if part_of is None:
            statement = "UPDATE eightbyeight.campaign SET runs=runs+1 WHERE id=%(campaign)s RETURNING runs"
            part_of = int(self._rows(statement)[0][0])
        self._run = part_of
        if self._policy.one_per_number and self._rows("SELECT to_regclass('eightbyeight.message_who')") == [(None,)]:
            self._rows("CREATE INDEX IF NOT EXISTS message_who ON eightbyeight.message (campaign, who)")
        return not self._rows("SELECT 1 FROM eightbyeight.message WHERE campaign=%(campaign)s LIMIT 1")

    def is_unused(self) -> bool:
        """Returns False: another process may have begun with these messages, and may claim at any time."""
        return False

    def meta(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - as it was written
        if name == "fingerprint" and self._db.inside:
            self._lock()  # If two processes begin with different messages, one of them is refused.
        return super().meta(name, default)

    def claim(self, claims: Sequence[Claim]) -> list[Claimed]:
        if self._run is None:
            raise LedgerError("no run has begun: nothing can be claimed")
        if not self._owned:
            self._own()
        return self._opt_out(claims, self._claimed(claims)) if claims else []

    def _own(self) -> None:
        """Assigns the campaign to this account. Runs in the transaction of the first claim."""
        if self._account is None:
            raise LedgerError("was opened without an account: nothing can be claimed")
        self._lock()
        self._check_account(self._account)  # another process may have been faster
        if self._number is None:
            self._rows(
                "INSERT INTO eightbyeight.account (host, subaccount_id) VALUES (%(host)s, %(subaccount)s) "
                "ON CONFLICT DO NOTHING",
                host=self._account.host, subaccount=self._account.subaccount_id,
            )  # fmt: skip
            self._check_account(self._account)
        self.set_meta("account", self._number)
        self._owned = True

    def _lock(self) -> None:
        """Takes a lock until the end of the transaction, so that one process at a time continues."""
        self._rows("SELECT 1 FROM eightbyeight.campaign WHERE id=%(campaign)s FOR UPDATE")

    def _claimed(self, claims: Sequence[Claim]) -> list[Claimed]:
        taken = self._numbers_taken(claims)
        granted = self._insert([claim for claim in claims if claim.id not in taken], claims[-1].id)
        if isinstance(granted, str):
            return [Claimed(State.NOT_SENT, stopped=granted)] * len(claims)
        if len(granted) == len(claims):  # all of them are new: almost always
            return [CLAIMED] * len(claims)
        others = self._others([claim.identity.key for claim in claims])
        answers: list[Claimed] = []
        for claim in claims:
            found = others.get(claim.identity.key)
            if found is None:
                answers.append(NUMBER_TAKEN)
                continue
            row, policy = found
            if row.id == claim.id:
                answers.append(CLAIMED)
            else:
                if self._joined and row.run == self._run and row.place == claim.place:
                    row.run -= 1  # another process had this same message of the input: it is not a copy
                elif not self._marks and row.run == self._run and row.state is State.NOT_SENT:
                    row.run -= 1  # another call released it: this claim may have another text
                answers.append(judge_claim(row, claim, self._run or 0, policy, number_taken=claim.id in taken))
        self._write_met({key: row for key, (row, _) in others.items()})
        return answers

    def _insert(self, claims: Sequence[Claim], last: int) -> set[int] | str:
        """Inserts a row for each message that has none.

        Returns the numbers of the claims that inserted a row, or a text: why the campaign was stopped.
        """
        ordered = sorted(claims, key=lambda claim: (claim.identity.key, claim.id))
        self._made = max(self._made, last)
        touched, stopped, made = self._rows(
            sql.CLAIM,
            run=self._run,
            account=self._number,
            session=self._session,
            last=last,
            committed=self._committed,
            keys=[claim.identity.key for claim in ordered],
            claims=[claim.id for claim in ordered],
            places=[claim.place for claim in ordered],
            scheduled=[claim.scheduled for claim in ordered],
            who=[claim.identity.who for claim in ordered],
            what=[claim.identity.what for claim in ordered],
        )[0]
        if not touched:
            raise LedgerLostError(_LOST)
        return set(made) if stopped is None else str(stopped)

    def _others(self, keys: Sequence[str]) -> dict[str, tuple[JournaledMessage, Policy]]:
        """Locks and returns the rows of these messages by key, each with the policy for claiming it again.

        This process does not claim a message again that another process has settled meanwhile. A message that a later
        run has seen belongs to that run.
        """
        found = {}
        for key, claim, state, run, times, place, due, who, what, since in self._rows(
            sql.OTHERS, keys=sorted(set(keys))
        ):
            row = JournaledMessage(claim, State(state), run, times, place, due, who, what)
            earlier = run <= (self._run or 0) and (since is None or since <= self._began)
            found[key] = row, self._policy if earlier else Policy(keep_opted_out=self._policy.keep_opted_out)
        return found

    def _write_met(self, rows: dict[str, JournaledMessage]) -> None:
        again = [(key, row, row.claim) for key, row in rows.items() if row.claim is not None]
        if again:
            self._rows(
                sql.CLAIM_AGAIN,
                run=self._run,
                account=self._number,
                keys=[key for key, _, _ in again],
                claims=[claim.id for _, _, claim in again],
                times=[row.times for _, row, _ in again],
                places=[row.place for _, row, _ in again],
                dues=[row.due for _, row, _ in again],
                who=[row.who for _, row, _ in again],
                what=[row.what for _, row, _ in again],
            )
        self._meet([(key, row) for key, row in rows.items() if row.claim is None and row.run == self._run])

    def _meet(self, met: Sequence[tuple[str, JournaledMessage]]) -> None:
        if met and self._marks:
            self._rows(
                sql.MEET,
                run=self._run,
                keys=[key for key, _ in met],
                times=[row.times for _, row in met],
                places=[row.place for _, row in met],
                dues=[row.due for _, row in met],
            )

    def known(self, met: Sequence[Met]) -> dict[int, State]:
        found = self._others([one.identity.key for one in met])
        settled: dict[int, State] = {}
        marked = []
        for one in met:
            row, policy = found.get(one.identity.key, (None, self._policy))
            met_before = row is not None and row.run == self._run and not (self._joined and row.place == one.place)
            if row is None or met_before or may_claim_again(row.state, settled_earlier=True, policy=policy):
                continue
            settled[one.place] = row.state
            if row.run < (self._run or 0):
                row.run, row.times, row.place, row.due = self._run or 0, 1, one.place, one.scheduled
                marked.append((one.identity.key, row))
        self._meet(marked)
        return settled

    def _numbers_taken(self, claims: Sequence[Claim]) -> frozenset[int]:
        """Returns the ids of the claims whose number has another message; none without the option `one_per_number`."""
        if not self._policy.one_per_number:
            return frozenset()
        self._lock()  # otherwise two processes could send two messages to one number at the same time
        claims = [claim for claim in claims if not claim.opted_out]
        numbers = list({claim.identity.who for claim in claims})
        found = self._rows(sql.HOLDERS, numbers=numbers, run=self._run)
        return numbers_taken(
            claims, {who: (self._keys.hash_of(low), self._keys.hash_of(high)) for who, low, high in found}
        )

    def _opt_out(self, claims: Sequence[Claim], answers: list[Claimed]) -> list[Claimed]:
        out = {
            claim.id: claim.identity.key
            for claim, answer in zip(claims, answers, strict=True)
            if claim.opted_out and answer.state is None
        }
        if not out:
            return answers
        self._rows(sql.OPT_OUT, keys=list(out.values()))
        return [OPTED_OUT if claim.id in out else answer for claim, answer in zip(claims, answers, strict=True)]

    def record(self, results: Sequence[Result]) -> None:
        first: dict[int, Result] = {}
        for result in results:  # one result per claim: the first one, but a sent outcome replaces NOT_SENT
            if result.id not in first or (first[result.id].state, result.state) == (State.NOT_SENT, State.SENT):
                first[result.id] = result
        ordered = sorted(first.values(), key=lambda result: (result.key, result.id))
        batches = [_id(result.batch_id) for result in ordered]
        ids = sorted({batch for batch in batches if batch is not None})
        numbers = dict(self._rows(sql.BATCHES, ids=ids)) if ids else {}
        touched = self._rows(
            sql.RECORD,
            session=self._session,
            last=self._made,
            committed=self._committed,
            keys=[result.key for result in ordered],
            claims=[result.id for result in ordered],
            states=[int(result.state) for result in ordered],
            umids=[_id(result.umid) for result in ordered],
            batches=[None if batch is None else numbers[batch] for batch in batches],
            codes=[result.code for result in ordered],
        )[0][0]
        if not touched:
            raise LedgerLostError(_LOST)

    def missing(self) -> int:
        self.set_meta("expected", 0)
        statement = "SELECT count(*) FROM eightbyeight.message WHERE campaign=%(campaign)s AND run<%(run)s"
        return int(self._rows(statement, run=self._run)[0][0])


def _id(given: str | None) -> str | None:
    return None if given is None else storable(given)
