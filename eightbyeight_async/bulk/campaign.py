"""`Campaign`: a bulk send that survives a crash. Run it again, and it sends only what no earlier run settled.

    async with Campaign(client, journal="run.db") as campaign:
        report = await campaign.send(messages)

This file creates, connects and closes the parts. `run` decides what is sent and when; `store` writes the journal.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Sequence
from typing import Any, Literal, Self

import anyio

from eightbyeight_async.bulk.choose_store import store_source
from eightbyeight_async.bulk.errors import InputChangedError, JournalError, Unrecorded
from eightbyeight_async.bulk.judging.input_conflicts import IdConflicts
from eightbyeight_async.bulk.judging.message_keys import Fingerprint, Keys
from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.bulk.planned_campaign import PlannedCampaign
from eightbyeight_async.bulk.report import Progress, Report, RunCounts
from eightbyeight_async.bulk.run.adaptive_rate import AdaptiveRate
from eightbyeight_async.bulk.run.choose_mode import FEW, Mode, choose_mode
from eightbyeight_async.bulk.run.claim_lease import ClaimLease
from eightbyeight_async.bulk.run.group_rates import GroupRates, mode_with_groups
from eightbyeight_async.bulk.run.input_pages import Intake
from eightbyeight_async.bulk.run.mode_batch import send_batches
from eightbyeight_async.bulk.run.mode_each import send_each
from eightbyeight_async.bulk.run.rate_across_processes import SharedTurns
from eightbyeight_async.bulk.run.worker_steps import Run, Settled
from eightbyeight_async.bulk.settling.open_campaign import Book
from eightbyeight_async.bulk.store.interface import Store
from eightbyeight_async.bulk.store.journal_file import Durability
from eightbyeight_async.bulk.store.records import Account, Met, Policy
from eightbyeight_async.bulk.store.writer_thread import Writer
from eightbyeight_async.client import AsyncConnectClient
from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.frame_privacy import private_coroutine
from eightbyeight_async.hosts import Product
from eightbyeight_async.models.sms import SmsRequest
from eightbyeight_async.models.sms_batch import MAX_BATCH
from eightbyeight_async.settings import checked_count, checked_rate, checked_seconds

__all__ = ["DEFAULT_RATE", "Campaign"]

# Requests a second that 8x8 documents for one sub-account.
DEFAULT_RATE = 1_800.0
# Batches in flight: one is sent while the next is built. More only take memory (10,000 messages are about 20 MB).
_BATCHES = 2
_CHOICES = {"durability": ("power", "process"), "mode": ("auto", "each", "batch"), "duplicates": ("skip", "send")}


class Campaign(Book, PlannedCampaign):
    """A bulk send with a journal. Works on asyncio and trio.

    Args:
        client: sends the messages. Its own `max_concurrency` and `max_rate` apply, too.
        journal: path of the journal; it is made if it does not exist. The files beside it whose names end with `-wal`
            and `-mark` belong to it.
        ledger, name: instead of a journal: URL of a PostgreSQL database, and the campaign's name there (extra
            `ledger`). Any number of processes may send one input at the same time: they divide it and share the rate.
        durability: "power": commits survive a power failure; "process", which is faster: only the death of the process.
        mode: "each": one POST a message; "batch": up to `batch_size` a request; "auto": batches above 1,000 messages.
        batch_size: messages a batch, at most 10,000. A lost answer leaves the whole batch UNKNOWN.
        max_concurrency: requests in flight; None: 100 in mode each, 2 in mode batch.
        max_rate: requests a second; None: no limit until the API answers 429.
        duplicates: what happens to a second message of one input with the same number, sender, text and schedule:
            "skip" only counts the second message, "send" sends it. A second message with the same `client_message_id`
            is never sent; if number, country, sender, text or schedule differ, the run ends with InvalidRequestError.
        one_per_number: send only the first message to a number, in the input and in the journal together. Later ones
            are counted and not sent: a person who has a message from an earlier run gets no other.
        group_rate: returns a message's group, e.g. a country, and the group's rate; or None for a message without a
            group. With this option, mode "auto" means "each".
        opted_out: returns whether the person of a message has opted out. If so, the message is not sent, and becomes
            OPTED_OUT, unless an earlier run settled it (sent, refused or UNKNOWN): then it keeps that state.
        resend_unknown: send messages again that may have gone out. Some of them will arrive twice.
        resend_failed: try messages again that the API refused (FAILED, REJECTED).
        allow_changed_input: continue with other messages than the campaign began with. A message whose text, sender or
            number changed is another message: a person who has the first one gets a second.
        allow_changed_account: continue under another host or sub-account than the journal's. Messages settled under the
            first account stay settled; its UNKNOWN messages can be looked up only under that account.
        store_private: keep numbers and texts in clear in the journal.
        max_pause: seconds; if the API asks for a longer pause, the run stops.
        keep_trying: seconds for which the run waits for the network. 0: the run stops when 20 single messages or 2
            batches in a row did not reach the API.
        accept_loss: open a journal that has lost claims. Messages sent under those claims are sent again.
        on_result: called in the event loop with every settled message; must not block.
        now, clock: wall clock (seconds since 1970) and monotonic clock, passed in for tests.

    Raises:
        InvalidRequestError: a setting breaks its rule.
        JournalError (on entering): the journal cannot be used. JournalInUseError: another campaign has it.
            AccountChangedError: it holds the messages of another host or sub-account.
    """

    def __init__(
        self,
        client: AsyncConnectClient,
        journal: str | os.PathLike[str] | None = None,
        *,
        ledger: str | None = None,
        name: str | None = None,
        durability: Durability = "power",
        mode: Mode = "auto",
        batch_size: int = MAX_BATCH,
        max_concurrency: int | None = None,
        max_rate: float | None = DEFAULT_RATE,
        duplicates: Literal["skip", "send"] = "skip",
        one_per_number: bool = False,
        group_rate: Callable[[SmsRequest], tuple[str, float] | None] | None = None,
        opted_out: Callable[[SmsRequest], bool] | None = None,
        resend_unknown: bool = False,
        resend_failed: bool = False,
        allow_changed_input: bool = False,
        allow_changed_account: bool = False,
        store_private: bool = False,
        max_pause: float = 300.0,
        keep_trying: float = 0.0,
        accept_loss: bool = False,
        on_result: Callable[[Settled], object] | None = None,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        for field, value in (("durability", durability), ("mode", mode), ("duplicates", duplicates)):
            if value not in _CHOICES[field]:
                raise InvalidRequestError(field, f"must be one of {', '.join(_CHOICES[field])}")
        if checked_count(batch_size, "batch_size") > MAX_BATCH:
            raise InvalidRequestError("batch_size", f"must be at most {MAX_BATCH:,}")
        self._client = client
        self._mode, self._group_rate = mode_with_groups(mode, group_rate), group_rate
        self._batch_size = batch_size
        self._width = None if max_concurrency is None else checked_count(max_concurrency, "max_concurrency")
        self._max_rate = checked_rate(max_rate, "max_rate")
        self._copies = duplicates == "send"
        self._opted_out = opted_out
        self._allow_changed_input = allow_changed_input
        self._private = store_private
        self._max_pause = checked_seconds(max_pause, "max_pause")
        self._keep_trying = checked_seconds(keep_trying, "keep_trying") if keep_trying else 0.0
        self._on_result = on_result
        self._now = now
        self._clock = clock
        self._account = Account(client.host(Product.SMS), client.subaccount_id)
        policy = Policy(resend_unknown=resend_unknown, resend_failed=resend_failed, one_per_number=one_per_number)
        self._source = store_source(
            journal,
            ledger,
            name,
            account=self._account,
            policy=policy,
            durability=durability,
            now=now,
            allow_changed_account=allow_changed_account,
            accept_loss=accept_loss,
            store_private=store_private,
            send_copies=self._copies,
        )
        self._writer = Writer(self._source.open, most_pending=self._width or 100, name=self._source.name)
        self._keys: Keys | None = None
        self._last_id = 0
        self._lease: ClaimLease | None = None
        self._turns: SharedTurns | None = None
        self._run: Run | None = None
        self._open = self._sending = False
        self._stop_asked = False
        self.report: Report | None = None

    async def __aenter__(self) -> Self:
        await self._writer.start()
        try:
            salt, self._last_id, lease, now = await self._writer.do(
                lambda store: (store.salt, store.last_id, store.lease, store.now())
            )
        except BaseException:
            await self._writer.close()
            raise
        if lease is not None:
            self._lease = ClaimLease(lease)
            clock, ahead = self._now, now - self._now()
            self._now = lambda: clock() + ahead  # the database's clock dates the claims
            self._turns = self._source.pace(self._max_rate, self._clock)
        self._keys, self._open = Keys(salt), True
        return self

    async def __aexit__(self, *_: object) -> None:
        self._open = False
        try:
            await self._writer.close()
        finally:
            if self._turns is not None:
                await self._turns.close()

    def __repr__(self) -> str:
        if not {"_source", "_mode"} <= set(vars(self)):
            return f"<{type(self).__name__} not made: its settings were refused>"
        return f"<{type(self).__name__} {self._source}, mode={self._mode}>"

    # Sending

    @private_coroutine
    async def send(
        self,
        messages: Iterable[SmsRequest] | AsyncIterable[SmsRequest],
        *,
        fingerprint: Fingerprint | str | None = None,
        expected: int | None = None,
        part_of: int | None = None,
    ) -> Report:
        """Sends the messages that no earlier run has settled.

        Args:
            messages: taken one by one as they are sent, never collected. A plain iterable is advanced on the event
                loop.
            fingerprint: fingerprint of all messages (see `fingerprint()`). If it differs from the journal's, the input
                is refused before anything is sent. None: for a list or tuple, `send` computes it. An iterator cannot be
                read twice, so it is not checked; `report.missing` then counts the messages of earlier runs that this
                input lacks.
            part_of: number of a ledger's run. These messages are a part of that run's input; see `ledger.workers`.
            expected: number of messages, for the progress and `status`; None: taken from the fingerprint or `len()`.

        Returns:
            The report. `campaign.report` has it too, even if `send` raises while or after sending.

        Raises:
            InputChangedError: these are not the messages that the campaign began with; nothing was sent. Its `plan`
                says what would be sent.
            InvalidRequestError: two messages have the same id, but differ in number, country, sender, text or schedule.
                From a list nothing was sent; from an iterator only messages before the second one were sent.
            JournalError: the journal cannot be written (any more); `unrecorded` has the unwritten results.
            AuthenticationError and other errors that every message would get: the run has ended, and no message is
                marked.
            any exception that the iterable raises.
        """
        if self._sending:
            raise RuntimeError("this campaign is sending already")
        self._sending = True
        try:
            return await self._send(messages, fingerprint, expected, part_of)
        finally:
            self._sending = False

    async def _send(
        self,
        messages: Iterable[SmsRequest] | AsyncIterable[SmsRequest],
        fingerprint: Fingerprint | str | None,
        expected: int | None,
        part_of: int | None,
    ) -> Report:
        if fingerprint is None and isinstance(messages, Sequence):
            fingerprint = await self._fingerprint_of(messages)
        if expected is None and isinstance(messages, Sequence):
            expected = len(messages)
        elif expected is None and isinstance(fingerprint, Fingerprint):
            expected = fingerprint.count
        fresh = await self._begin(None if fingerprint is None else str(fingerprint), expected, part_of)
        if fresh is None:
            raise InputChangedError(await self._plan(messages) if isinstance(messages, Sequence) else None)
        run = self._new_run(messages, expected, fresh=fresh)
        self._run = run
        if self._stop_asked:
            run.stop("asked to stop")
        failures: list[Exception] = []
        async with run.intake.reading():
            mode, why = await self._send_all(run, expected, failures)
        complete = run.intake.ended and run.stopped is None and not run.intake.cut_off
        return await self._end(run, mode, why, failures, complete=complete)

    async def _send_all(self, run: Run, expected: int | None, failures: list[Exception]) -> tuple[str, str]:
        """Returns the mode, and the reason for it."""
        many = None
        if self._mode == "auto":
            many = expected > FEW if expected is not None else await run.intake.more_than(FEW)
        mode, why = choose_mode(self._mode, many)

        async def work() -> None:
            try:
                await (send_each(run) if mode == "each" else send_batches(run, self._batch_size))
            except Exception as failure:  # noqa: BLE001 - from the journal, the iterable or a bug: raised below
                failures.append(failure)
                run.stop("failed")

        async with anyio.create_task_group() as group:
            for _ in range(self._width or (100 if mode == "each" else _BATCHES)):
                group.start_soon(work)
        return mode, why

    async def _begin(self, fingerprint: str | None, expected: int | None, part_of: int | None) -> bool | None:
        """Writes the run's fingerprint and size to the journal, and begins the run.

        Returns True if no message was ever claimed, False if one was, and None if the campaign refuses these messages.
        """

        def begin(store: Store) -> bool | None:
            if fingerprint is not None:
                if self._is_changed(store, fingerprint):
                    return None
                store.set_meta("fingerprint", fingerprint)
            if expected is not None:
                store.set_meta("expected", expected)
            return store.begin_run(part_of)

        return await self._writer.do(begin, writes=True)

    def _new_run(
        self, messages: Iterable[SmsRequest] | AsyncIterable[SmsRequest], expected: int | None, *, fresh: bool
    ) -> Run:
        keys = self._opened()
        tally = RunCounts(self._clock(), expected)

        def known(page: list[Met]) -> Awaitable[dict[int, State]]:
            return self._writer.do(lambda store: store.known(page), writes=True)

        return Run(
            client=self._client,
            writer=self._writer,
            keys=keys,
            pace=self._turns or AdaptiveRate(self._max_rate, self._clock),
            groups=GroupRates(self._group_rate, self._clock),
            lease=self._lease,
            tally=tally,
            intake=Intake(messages, keys, tally, None if fresh else known),
            clock=self._clock,
            next_id=self._next_id,
            copies=self._copies,
            opted_out=self._opted_out,
            private=self._private,
            max_pause=self._max_pause,
            keep_trying=self._keep_trying,
            on_result=self._on_result,
        )

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    async def _end(self, run: Run, mode: str, why: str, failures: list[Exception], *, complete: bool) -> Report:
        missing = None
        try:
            if complete:
                missing = await self._writer.do(lambda store: store.missing(), writes=True)
            status = await self._writer.do(lambda store: store.status(self._now()))
        except JournalError as failure:
            unwritten = tuple(
                Unrecorded(key=result.key, place=result.place, state=result.state, umid=result.umid)
                for result in (*self._writer.unwritten, *self._writer.kept)
            )
            cause = failures[0] if failures else self._writer.failure
            raise type(failure)(failure.reason, unwritten, journal=self._source.name) from cause
        self.report = Report(
            **self._counts(run),
            mode=mode,
            why=why,
            complete=complete,
            stopped=run.stopped,
            error=run.error,
            missing=missing,
            status=status,
        )
        if failures:
            raise failures[0]
        if run.abort and run.error is not None:
            raise run.error
        return self.report

    def stop(self) -> None:
        """Takes no more messages. `send` returns its report after the requests in flight. Callbacks may call `stop`."""
        self._stop_asked = True
        if self._run is not None:
            self._run.stop("asked to stop")

    def progress(self) -> Progress:
        """The counts at this moment; all zero before `send`."""
        return Progress() if self._run is None else Progress(**self._counts(self._run))

    def _counts(self, run: Run) -> dict[str, Any]:
        told = {"pace": run.pace.rate, "paused": run.pace.paused_for(), "unreachable": run.network.left}
        return {**run.tally.counts(self._clock()), **told}

    def fingerprint(self) -> Fingerprint:
        """Makes an empty fingerprint. `add` every message of the input to it, in any order, and give it to `send`."""
        return self._opened().fingerprint()

    async def _fingerprint_of(self, messages: Sequence[SmsRequest]) -> Fingerprint | None:
        """Reads the whole input once.

        Raises:
            InvalidRequestError: two messages have the same id.
        """
        found, conflicts = self.fingerprint(), IdConflicts()
        for number, message in enumerate(messages):
            if not number % 5_000:
                await anyio.lowlevel.checkpoint()
            if not hasattr(message, "destination"):
                return None  # `Intake` reports what is wrong with the message
            found.add(message)
            conflicts.add(number, message)
        return found
