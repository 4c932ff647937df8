"""The half of `Campaign` that plans: what a run would do, without sending."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from datetime import UTC, datetime

from anyio import to_thread

from eightbyeight_async.bulk.errors import InputChangedError
from eightbyeight_async.bulk.judging.message_keys import Fingerprint
from eightbyeight_async.bulk.plan import Planner, plan_messages
from eightbyeight_async.bulk.report import Plan
from eightbyeight_async.bulk.run.choose_mode import Mode
from eightbyeight_async.bulk.store.interface import Store
from eightbyeight_async.bulk.store.plan_store import PlanStore
from eightbyeight_async.bulk.store.store_source import StoreSource
from eightbyeight_async.frame_privacy import private_coroutine
from eightbyeight_async.models.sms import SmsRequest

__all__ = ["PlannedCampaign"]


class PlannedCampaign:
    """The part of `Campaign` that plans."""

    _source: StoreSource
    _mode: Mode
    _batch_size: int
    _copies: bool
    _opted_out: Callable[[SmsRequest], bool] | None
    _allow_changed_input: bool
    _open: bool
    _sending: bool
    _now: Callable[[], float]

    @private_coroutine
    async def plan(
        self,
        messages: Iterable[SmsRequest] | AsyncIterable[SmsRequest],
        *,
        fingerprint: Fingerprint | str | None = None,
    ) -> Plan:
        """Returns what `send` would do with these messages. Sends nothing, and writes nothing to the journal.

        Also works outside of the `async with` block, and makes no journal. Reads the input to its end. So give `send`
        the same messages again, not the same iterator, which is exhausted.

        Args:
            messages: as for `send`.
            fingerprint: as for `send`.

        Raises:
            InputChangedError: `send` would refuse these messages; the error's `plan` has the counts.
            InvalidRequestError: two messages have the same id, but differ in number, country, sender, text or schedule.
            JournalError: as on entering the block.
            any exception that the iterable raises.
        """
        if self._sending:
            raise RuntimeError("this campaign is sending: plan before or after")
        return await self._plan(messages, fingerprint, refuse=True)

    async def _plan(
        self,
        messages: Iterable[SmsRequest] | AsyncIterable[SmsRequest],
        fingerprint: Fingerprint | str | None = None,
        *,
        refuse: bool = False,
    ) -> Plan:
        with await to_thread.run_sync(lambda: self._source.plan(held=self._open)) as store:
            mine = Fingerprint(store.salt) if fingerprint is None and isinstance(messages, Sequence) else None
            planner = await to_thread.run_sync(lambda: self._planner(store, messages))
            plan = await plan_messages(planner, messages, lambda: datetime.fromtimestamp(self._now(), UTC), mine)
            asked = fingerprint if mine is None else mine
            if refuse and asked is not None and self._is_changed(store, str(asked)):
                raise InputChangedError(plan)
        return plan

    def _planner(self, store: PlanStore, messages: object) -> Planner:
        return Planner(
            store,
            send_copies=self._copies,
            mode=self._mode,
            batch_size=self._batch_size,
            one_by_one=hasattr(messages, "__aiter__"),
            opted_out=self._opted_out,
        )

    def _is_changed(self, store: Store, fingerprint: str) -> bool:
        """Whether the campaign refuses these messages because it began with others.

        An unused campaign refuses nothing: it has sent no message that a corrected input could send twice.
        """
        changed = store.meta("fingerprint") not in (None, fingerprint)
        return changed and not self._allow_changed_input and not store.is_unused()
