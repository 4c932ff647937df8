"""Looks up in 8x8's log the messages whose outcome is UNKNOWN.

This file asks for the log and writes the verdicts. What a log proves: `judging.log_verdict`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from string import ascii_lowercase, ascii_uppercase
from typing import TYPE_CHECKING

import anyio
import attrs

from eightbyeight_async.bulk.judging.log_verdict import LogRow, Settlement, Verdict, Why, evidence_around, verdict
from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eightbyeight_async.bulk.judging.log_verdict import Doubt, Evidence, Window
    from eightbyeight_async.bulk.judging.message_keys import Keys
    from eightbyeight_async.bulk.store.writer_thread import Writer
    from eightbyeight_async.client import AsyncConnectClient

__all__ = ["Reconciled", "reconcile"]

_PAGE = 1_000
_MARGIN = timedelta(hours=2)  # Clocks differ, and witnesses are claimed up to two hours before and after a message.
_BLANKS = "\t\n\r "
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)  # only ASCII letters, as SQLite's `lower`
_REFUSED = "rejected"  # the log's word for a message that 8x8 received and then refused


@attrs.frozen(kw_only=True)
class Reconciled:
    """The result of a `reconcile()`.

    Attributes:
        sent: messages that were UNKNOWN and are in the log.
        rejected: messages that were UNKNOWN and that the log has as refused.
        not_sent: messages that were UNKNOWN and are certainly not in the log; the next run sends them.
        unknown: messages that still are UNKNOWN.
        why: for each reason: the number of messages that still are UNKNOWN.
        lacking: accepted messages that the log does not hold (yet): it is incomplete.
        ready_in: seconds until the lag has passed for all messages that are too young; 0: it has passed.
    """

    sent: int = 0
    rejected: int = 0
    not_sent: int = 0
    unknown: int = 0
    why: Mapping[str, int] = attrs.field(factory=dict)
    lacking: int = 0
    ready_in: float = 0.0


async def reconcile(
    client: AsyncConnectClient,
    writer: Writer,
    keys: Keys,
    *,
    subaccount_id: str,
    now: Callable[[], float],
    lag: float,
    wait: bool,
    patience: float,
    on_wait: Callable[[float], object],
) -> Reconciled:
    """See `Campaign.reconcile`."""
    window = await writer.do(lambda store: store.doubts())
    if not window.number:
        elsewhere = {Why.OTHER_ACCOUNT.value: window.elsewhere} if window.elsewhere else {}
        return Reconciled(unknown=window.elsewhere, why=elsewhere)
    # If the end of a claim lies in the future, a clock jumped: waiting longer than the lag would not help.
    ready_in = min(max(0.0, window.settled + lag - now()), lag)
    if wait and ready_in:
        on_wait(ready_in)
        await anyio.sleep(ready_in)
    asked_at = now()
    await _note_log(client, writer, keys, subaccount_id, window, asked_at, patience)
    evidence = await writer.do(lambda store: store.evidence(asked_at, lag), writes=True)
    try:
        return await _settle(client, writer, evidence, asked_at, lag, window.elsewhere)
    finally:
        with anyio.CancelScope(shield=True):
            await writer.do(lambda store: store.forget_log(), writes=True)


async def _note_log(
    client: AsyncConnectClient,
    writer: Writer,
    keys: Keys,
    subaccount_id: str,
    window: Window,
    asked_at: float,
    patience: float,
) -> None:
    from eightbyeight_async.models.log_export import LogExportRequest  # noqa: PLC0415 - few need it

    # If the clock was wrong at the claim and is right now, the window must still include the messages.
    first = max(min(window.first, window.settled, asked_at), 0.0)
    await writer.do(lambda store: store.forget_log(), writes=True)
    job = await client.sms.start_log_export(
        LogExportRequest(from_=_moment(first) - _MARGIN, to=_moment(asked_at) + _MARGIN)
    )
    page: list[LogRow] = []
    async for row in client.sms.iter_log_rows(job, patience=patience):
        page += _log_rows(row, keys, subaccount_id)
        if len(page) >= _PAGE:
            await _note(writer, page)
            page = []
    await _note(writer, page)


async def _note(writer: Writer, page: Sequence[LogRow]) -> None:
    if page:
        await writer.do(lambda store: store.note_log(page), writes=True)


def _log_rows(row: Mapping[str, str], keys: Keys, subaccount_id: str) -> list[LogRow]:
    """Returns a row of the export once for each key that its id can have in the journal. Pure."""
    reference = row.get("clientmessageid", "")
    bare = reference.strip(_BLANKS)
    if not bare:
        return []
    number = row.get("msisdn", "").strip().removeprefix("+")
    own = LogRow(
        hash=keys.hash_of(reference),
        key=reference,
        umid=row.get("umid", "").strip(),
        refused=row.get("status_value", "").strip().lower() == _REFUSED,
        created=_seconds(row.get("createdat", "").strip()),
        who=keys.who_of(number) if number.isascii() and number.isdecimal() else None,
        ours=row.get("subaccountid", subaccount_id).strip() in (subaccount_id, ""),
        form=bare.translate(_LOWER),
    )
    others = [key for one in {reference, bare} for key in keys.candidates(one) if key != reference]
    return [own, *(own._replace(hash=keys.hash_of(key), key=key, form="") for key in others)]


async def _settle(
    client: AsyncConnectClient,
    writer: Writer,
    evidence: Mapping[int, Evidence],
    asked_at: float,
    lag: float,
    elsewhere: int,
) -> Reconciled:
    counts: Counter[State] = Counter()
    why: Counter[Why] = Counter({Why.OTHER_ACCOUNT: elsewhere} if elsewhere else {})
    youngest = 0.0
    after = 0
    while page := await writer.do(lambda store: store.doubtful(after)):  # noqa: B023 - awaited here
        after = page[-1].id
        settlements = []
        for found in page:
            doubt = attrs.evolve(found, evidence=evidence_around(evidence, found.claimed))
            proved = verdict(doubt, asked_at=asked_at, lag=lag)
            if proved.state in (State.UNKNOWN, State.NOT_SENT) and doubt.umid is not None:
                proved = await _look_up(client, doubt, proved)
            counts[proved.state] += 1
            if proved.why is not None:
                why[proved.why] += 1
                youngest = max(youngest, doubt.since, doubt.scheduled or 0.0)
            else:
                settlements.append(Settlement(doubt.id, proved.state, proved.umid))
        await writer.do(lambda store: store.settle(settlements, asked_at), writes=True)  # noqa: B023 - awaited here
    return Reconciled(
        sent=counts[State.SENT],
        rejected=counts[State.REJECTED],
        not_sent=counts[State.NOT_SENT],
        unknown=counts[State.UNKNOWN] + elsewhere,
        why={reason.value: number for reason, number in why.items()},
        lacking=sum(one.lacking for one in evidence.values()) if why[Why.NOT_WHOLE] else 0,
        ready_in=max(0.0, youngest + lag - asked_at) if why[Why.TOO_EARLY] else 0.0,
    )


async def _look_up(client: AsyncConnectClient, doubt: Doubt, before: Verdict) -> Verdict:
    """Looks up a message at 8x8 by its umid. This works before the log has the message."""
    try:
        details = await client.sms.get(doubt.umid or "")
    except NotFoundError:
        return before
    state = State.REJECTED if str(details.status.state).lower() == _REFUSED else State.SENT
    return Verdict(state, doubt.umid)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _seconds(moment: str) -> float | None:
    """Returns a time of the log in seconds since 1970. Without an offset it is UTC. None: it cannot be read."""
    try:
        found = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
