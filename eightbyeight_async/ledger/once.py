"""`Ledger`: sends a message only once, even if many processes, replicas and retries try to send it.

    async with Ledger("postgresql://…", "order-notices") as ledger:
        outcome = await ledger.send_once(client, f"shipped-{order.id}", SmsRequest(…))

Every call is claimed in the database before its POST. Calls at the same time share a statement and a commit.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Literal, Self

import anyio
import attrs

from eightbyeight_async.bulk.errors import AccountChangedError, JournalError
from eightbyeight_async.bulk.judging.deliveries import Delivery
from eightbyeight_async.bulk.judging.message_keys import Identity, Keys, check_message, own_reference
from eightbyeight_async.bulk.judging.outcomes import Action, State, judge, state_of
from eightbyeight_async.bulk.report import Status
from eightbyeight_async.bulk.run.claim_lease import ClaimLease
from eightbyeight_async.bulk.settling.messages import Messages
from eightbyeight_async.bulk.settling.reconcile import Reconciled, reconcile
from eightbyeight_async.bulk.store.records import Account, Claim, Policy, Result
from eightbyeight_async.bulk.store.writer_thread import Writer
from eightbyeight_async.client import AsyncConnectClient
from eightbyeight_async.errors import EightByEightError, InvalidRequestError
from eightbyeight_async.frame_privacy import private_coroutine
from eightbyeight_async.hosts import Product
from eightbyeight_async.ledger.errors import LedgerError
from eightbyeight_async.ledger.ledger_queries import Found
from eightbyeight_async.ledger.look_up import LookUp
from eightbyeight_async.ledger.outcome import Outcome
from eightbyeight_async.ledger.receipts import delivery_id
from eightbyeight_async.ledger.settings import LEASE, PATIENCE, checked_name, checked_url
from eightbyeight_async.ledger.shared_pace import SharedPace
from eightbyeight_async.ledger.store import LedgerStore
from eightbyeight_async.loops import running
from eightbyeight_async.models.sms import SmsRequest
from eightbyeight_async.models.webhooks import DeliveryReceipt
from eightbyeight_async.receipt_folding import checked_receipt
from eightbyeight_async.settings import checked_count, checked_rate, checked_seconds

__all__ = ["Ledger"]


class Ledger(Messages):
    """A ledger, or a campaign, in a PostgreSQL database. Works on asyncio and trio.

    Use one in each process, like the client.

    Args:
        url: URL of the database: `postgresql://user@host/database`. The user must be allowed to make tables, unless
            they exist.
        name: name of the ledger, which is made if it does not exist. Use one ledger for each kind of message.
        max_rate: requests a second of all processes of the sub-account together; None: no limit.
        max_concurrency: claims and requests in flight; the calls above it wait before they claim.
        lease: seconds for which a claim is valid. The first process of a ledger sets it. It must be longer than a call
            with all its attempts: a call that is cancelled at the end of the lease may have been sent.
        patience: seconds for which a call waits for an unreachable database.

    Raises:
        InvalidRequestError: a setting breaks its rule.
        LedgerError (on entering): the database cannot be used.
    """

    def __init__(
        self,
        url: str,
        name: str,
        *,
        max_rate: float | None = None,
        max_concurrency: int = 100,
        lease: float = LEASE,
        patience: float = PATIENCE,
    ) -> None:
        self._url = checked_url(url)
        self._name = checked_name(name)
        self._max_rate = checked_rate(max_rate, "max_rate")
        self._width = checked_count(max_concurrency, "max_concurrency")
        self._patience = checked_seconds(patience, "patience")
        self._seconds = checked_seconds(lease, "lease")
        self._opened: tuple[int, object] | None = None  # process and event loop that opened the ledger

    async def __aenter__(self) -> Self:
        # The state of one opening is made here: an application can open the same ledger again, in another loop.
        self._writer = Writer(self._store, most_pending=self._width, name=self._name)
        self._look_up = LookUp(lambda keys: self._writer.do(lambda store: of(store).found(keys)))
        self._arrivals = LookUp(lambda ids: self._writer.do(lambda store: of(store).deliveries_of(ids)))
        self._account: Account | None = None
        self._pace: SharedPace | None = None
        self._never = anyio.Event()  # never set: nothing ends the wait for a turn
        await self._writer.start()
        try:
            self._keys, self._last_id, lease = await self._writer.do(_begin, writes=True)
        except BaseException:
            await self._writer.close()
            raise
        self._lease = ClaimLease(lease)
        self._slots = anyio.Semaphore(self._width)
        self._opened = os.getpid(), running()
        return self

    def _store(self) -> LedgerStore:
        return LedgerStore(
            self._url,
            self._name,
            account=None,
            policy=Policy(keep_opted_out=True),
            lease=self._seconds,
            patience=self._patience,
            marks=False,
        )

    async def __aexit__(self, *_: object) -> None:
        self._opened = None
        held = 0
        try:
            # Waits until the calls in flight have ended, so that their outcomes are written, too.
            while held < self._width:
                await self._slots.acquire()
                held += 1
        finally:
            for _number in range(held):
                self._slots.release()
            await self._close()

    async def _close(self) -> None:
        try:
            await self._writer.close()
        finally:
            if self._pace is not None:
                await self._pace.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.__dict__.get('_name', 'not made: its settings were refused')!r}>"

    @private_coroutine
    async def send_once(
        self, client: AsyncConnectClient, key: str, request: SmsRequest, *, wait: bool = True
    ) -> Outcome:
        """Sends a message, unless it was or may have been sent under this key before, by any process.

        Returns the outcome if it is decided: trying again does not change it. OPTED_OUT: a campaign of this name left
        the message out, because the person has opted out, and this call leaves it out, too. Raises only if the message
        was certainly not sent, so that the retry of a job engine may try again. There is one exception: if a call is
        cancelled while its request is in flight, its message is UNKNOWN.

        Args:
            client: sends the message.
            key: key of the message, and also its `client_message_id`. A key that contains the number is stored as a
                digest.
            request: the message. It may have no `client_message_id`, or this key.
            wait: whether to wait for the outcome if another call is sending the message, at most until the end of its
                lease. If False, the outcome INTENT is returned at once.

        Raises:
            InvalidRequestError: the key or the message breaks a rule, or the key belongs to another number.
            LedgerError: the database could not be reached, or lacks claims (`LedgerLostError`).
            EightByEightError: the message was certainly not sent, e.g. RateLimitError, TransportError.
        """
        self._check_open()
        message = _message(key, request)
        identity = self._keys.of(message)
        await self._use(client)
        while True:
            async with self._slots:
                self._check_open()
                outcome = await self._attempt(client, message, identity)
            if outcome is not None:
                return outcome
            found = await self._look_up.until(identity.key, lambda one: not (wait and _on_its_way(one)))
            if found is None or found.state is State.NOT_SENT:
                continue  # meanwhile the claim was released, or the message was deleted
            if found.who != identity.who:
                raise InvalidRequestError("key", "belongs to a message to another number: give each message its own")
            return Outcome(key=identity.key, state=found.state, umid=found.umid, code=found.code, new=False)

    async def _attempt(self, client: AsyncConnectClient, message: SmsRequest, identity: Identity) -> Outcome | None:
        """Claims and sends. None: the ledger already has the message."""
        while True:
            pace = self._pace
            if pace is not None:
                await pace.turn(self._never)
            self._check_open()
            scheduled = None if message.scheduled is None else message.scheduled.timestamp()
            self._last_id += 1
            claim = Claim(self._last_id, identity, 0, scheduled)
            claimed = self._lease.clock()
            (answer,) = await self._writer.claim([claim])
            if answer.stopped is not None:
                raise LedgerError(f"it was stopped: {answer.stopped}", journal=self._name)
            if answer.state is not None:
                if pace is not None:
                    pace.give_back()
                return None
            if self._lease.may_begin(claimed):
                return await self._send(client, message, claim, claimed)
            # The claim is too old for a send to begin: the machine slept, or the database was slow.
            await self._write(claim, State.NOT_SENT)

    async def _send(self, client: AsyncConnectClient, message: SmsRequest, claim: Claim, claimed: float) -> Outcome:
        key, began = claim.identity.key, time.monotonic()
        try:
            response = await self._lease.within(claimed, lambda: client.sms.send(message))
        except EightByEightError as error:
            verdict = judge(error)
            if verdict.action is Action.SLOW_DOWN and self._pace is not None:
                self._pace.refused(began, getattr(error, "retry_after", None))
            recorded = await self._write(claim, verdict.state, code=verdict.code)
            if verdict.state is State.NOT_SENT:
                raise
            return Outcome(key=key, state=verdict.state, code=verdict.code, new=True, error=error, recorded=recorded)
        except BaseException:
            self._writer.record([_result(claim, State.UNKNOWN)])  # cancelled, or a bug: the message may have been sent
            raise
        state = state_of(response)
        recorded = await self._write(claim, state, umid=response.umid)
        return Outcome(key=key, state=state, umid=response.umid, new=True, recorded=recorded)

    async def _write(self, claim: Claim, state: State, umid: str | None = None, code: int | None = None) -> bool:
        """Writes an outcome and waits for its commit. False: the database cannot be reached."""
        try:
            await self._writer.settle([_result(claim, state, umid, code)])
        except (JournalError, RuntimeError):  # RuntimeError: the ledger was closed meanwhile
            return False
        return True

    async def _use(self, client: AsyncConnectClient) -> None:
        """Assigns the ledger to the client's account, at the first call."""
        account = Account(client.host(Product.SMS), client.subaccount_id)
        if account == self._account:
            return
        if self._account is not None:
            raise AccountChangedError(self._account, account)
        refused = await self._writer.do(lambda store: of(store).use(account), writes=True)
        if refused is not None:
            raise AccountChangedError(refused, account)
        if self._max_rate is not None and self._pace is None:
            self._pace = SharedPace(self._url, account, self._max_rate, patience=self._patience)
        self._account = account

    def _check_open(self) -> None:
        if self._opened is None:
            raise RuntimeError("the ledger is not open: use it in an async with block")
        if self._opened != (os.getpid(), running()):
            raise RuntimeError("the ledger belongs to another process or event loop: open one in each")

    # Reading and settling

    @private_coroutine
    async def status(self) -> Status:
        """Returns the counts of all messages, from all processes."""
        self._check_open()
        return await self._writer.do(lambda store: store.status(0.0))

    @private_coroutine
    async def reconcile(
        self,
        client: AsyncConnectClient,
        *,
        lag: float = 600.0,
        wait: bool = False,
        patience: float = 900.0,
        on_wait: Callable[[float], object] = lambda _: None,
    ) -> Reconciled:
        """Looks the UNKNOWN messages up in 8x8's log. See `Campaign.reconcile`."""
        self._check_open()
        await self._use(client)
        # the database's clock dates the claims
        ahead = await self._writer.do(lambda store: of(store).now()) - time.time()
        return await reconcile(
            client,
            self._writer,
            self._keys,
            subaccount_id=client.subaccount_id,
            now=lambda: time.time() + ahead,
            lag=checked_seconds(lag, "lag"),
            wait=wait,
            patience=checked_seconds(patience, "patience"),
            on_wait=on_wait,
        )

    # Receipts

    @private_coroutine
    async def feed(self, receipt: DeliveryReceipt) -> Delivery:
        """Writes a delivery receipt to the ledger; any replica may do so. Returns what is then known about the message.

        Receipts may be late, repeated or out of order. Call it in the endpoint of the callback URL. Answer 8x8 with 200
        after it has returned, because then the receipt is committed.

        Raises:
            InvalidRequestError: `receipt` is not a DeliveryReceipt.
            LedgerError: the database could not be reached; let 8x8 post the receipt again.
        """
        self._check_open()
        checked_receipt(receipt)
        (known,) = await self._writer.do(lambda store: of(store).fold_receipts([receipt]), writes=True)
        return known

    @private_coroutine
    async def wait(
        self,
        umid: str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - as DeliveryWaiter's
        settle: Literal["operator", "recipient"] = "operator",
    ) -> Delivery:
        """Waits until the delivery of a message is final. Any replica may get the receipt.

        Args:
            umid: umid of the message.
            timeout: seconds; 0: checks once; None: waits for ever.
            settle: "recipient": a message that only the operator has is not final yet.

        Raises:
            TimeoutError: no final receipt arrived in time.
            LedgerError: the database could not be reached.
        """
        self._check_open()
        if timeout is not None and not timeout >= 0:
            raise InvalidRequestError("timeout", "must be 0 or more seconds, or None to wait for ever")
        if settle not in ("operator", "recipient"):
            raise InvalidRequestError("settle", "must be 'operator' or 'recipient'")

        def final(one: Delivery | None) -> bool:
            return one is not None and one.final and (settle == "operator" or one.outcome != "with_operator")

        with anyio.move_on_after(timeout or None):
            found = await self._arrivals.until(delivery_id(umid), lambda one: timeout == 0 or final(one))
            if found is not None and final(found):
                return found
        raise TimeoutError(f"no final receipt within {timeout:g} s")

    @private_coroutine
    async def forget(self, *, older_than: timedelta) -> int:
        """Deletes decided messages with a state older than `older_than`, and their receipts.

        Their keys can then be sent again. Messages that are UNKNOWN, in flight, or scheduled for later are kept.
        Returns the number of deleted messages.
        """
        self._check_open()
        given: object = older_than
        if not isinstance(given, timedelta) or given <= timedelta(0):
            raise InvalidRequestError("older_than", "must be a timedelta above 0")
        age, deleted, after = older_than.total_seconds(), 0, 0
        while True:
            page = await self._writer.do(lambda store: of(store).forget(after, age), writes=True)  # noqa: B023
            if page is None:
                return deleted
            deleted, after = deleted + page[0], page[1]


def of(store: object) -> LedgerStore:
    """Returns the store with its real type: a writer knows only the interface."""
    assert isinstance(store, LedgerStore)  # noqa: S101 - for type checkers
    return store


def _on_its_way(found: Found | None) -> bool:
    return found is not None and found.state is State.INTENT


def _begin(store: object) -> tuple[Keys, int, float]:
    ledger = of(store)
    ledger.begin_run()
    return Keys(ledger.salt), ledger.last_id, ledger.lease


def _message(key: str, request: SmsRequest) -> SmsRequest:
    given: object = key
    if not isinstance(given, str) or not given.strip():
        raise InvalidRequestError("key", "must be a text that is not blank")
    if check_message(request).client_message_id not in (None, key):
        raise InvalidRequestError("key", "must be the request's client_message_id, where that has one")
    message = attrs.evolve(request, client_message_id=key)
    if own_reference(message) is None:
        raise InvalidRequestError("key", "must have a character that can be seen")
    return message


def _result(claim: Claim, state: State, umid: str | None = None, code: int | None = None) -> Result:
    return Result(claim.id, claim.identity.key, claim.place, state, umid, None, code)
