"""The plan of a campaign says what the run then does, and planning changes nothing."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from patience import PATIENCE

from eightbyeight_async import AsyncConnectClient, InvalidRequestError, RetryPolicy, SmsRequest
from eightbyeight_async.bulk import Campaign, InputChangedError, JournalInUseError, Plan, State, status
from eightbyeight_async.bulk.judging.claims import Next, Step, next_step, numbers_taken
from eightbyeight_async.bulk.judging.message_keys import Identity
from eightbyeight_async.bulk.store.records import CLAIMED, NUMBER_TAKEN, Claim, Claimed
from eightbyeight_async.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.anyio
LATER = datetime.now(UTC) + timedelta(days=1)
LEFT_OUT = ("settled", "in_doubt", "duplicates", "same_number", "late")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal" / "run.db"


@pytest.fixture(autouse=True)
def _folder(journal: Path) -> None:
    journal.parent.mkdir()


def message(number: int, text: str = "We open at nine", **more: Any) -> SmsRequest:
    return SmsRequest(destination=f"+6591110{number:03}", text=text, **more)


def messages(count: int, text: str = "We open at nine", **more: Any) -> list[SmsRequest]:
    return [message(number, text, **more) for number in range(count)]


def campaign(sandbox: Sandbox, journal: Path, **options: Any) -> Campaign:
    """Returns a campaign for planning, which opens no connection."""
    return _campaign(sandbox.client(), journal, **options)


@asynccontextmanager
async def opened(sandbox: Sandbox, journal: Path, **options: Any) -> AsyncIterator[Campaign]:
    client = sandbox.client(retry=RetryPolicy.none(), timeout=PATIENCE)
    async with client, _campaign(client, journal, **options) as one:
        yield one


def _campaign(client: AsyncConnectClient, journal: Path, **options: Any) -> Campaign:
    return Campaign(client, journal, **{"durability": "process", "max_rate": None, "mode": "each", **options})


async def run(sandbox: Sandbox, journal: Path, given: Any, **options: Any) -> Any:
    async with opened(sandbox, journal, **options) as one:
        return await one.send(given)


def files(journal: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in journal.parent.iterdir()}


# --- the decisions


@pytest.mark.parametrize(
    ("answer", "own_id", "copies", "expected"),
    [
        (CLAIMED, False, False, Step(Next.SEND, 0)),
        (Claimed(None, before=State.UNKNOWN), True, False, Step(Next.SEND, 0)),
        (NUMBER_TAKEN, False, True, Step(Next.SAME_NUMBER, 0)),
        (Claimed(State.SENT), False, True, Step(Next.SETTLED, 0)),
        (Claimed(State.SENT, same_time=False), True, False, Step(Next.SETTLED, 0)),
        (Claimed(State.INTENT, 2), False, False, Step(Next.DUPLICATE, 0)),
        (Claimed(State.INTENT, 2), False, True, Step(Next.CLAIM_AGAIN, 2)),
        (Claimed(State.INTENT, 2, same_time=False), False, False, Step(Next.CLAIM_AGAIN, 1)),
        (Claimed(State.INTENT, 2), True, True, Step(Next.DUPLICATE, 0)),
        (Claimed(State.INTENT, 1, same_time=False), True, False, Step(Next.CONFLICT, 0)),
        (Claimed(State.INTENT, 1, same_content=False), True, True, Step(Next.CONFLICT, 0)),
    ],
)
def test_what_a_run_does_after_the_answer_to_a_claim(
    answer: Claimed, own_id: bool, copies: bool, expected: Step
) -> None:
    assert next_step(answer, 0, own_id=own_id, send_copies=copies) == expected


def test_the_first_claim_of_a_number_keeps_it() -> None:
    claims = [Claim(n, Identity("k", key, who), n) for n, (key, who) in enumerate([(1, 7), (2, 7), (1, 7), (3, 8)])]
    assert numbers_taken(claims, {}) == {1}
    assert numbers_taken(claims, {7: (2, 2)}) == {0, 2}
    assert numbers_taken(claims, {7: (1, 2), 8: (3, 3)}) == {0, 1, 2}


# --- the run does what the plan says


@attrs.frozen
class Case:
    """
    Attributes:
        given: the input of the planned run.
        before: the input of an earlier run; `faults` has the answers to it.
        options: options of the planned run.
        expected: the numbers of the plan that are not 0.
    """

    given: list[SmsRequest]
    expected: dict[str, int]
    before: Sequence[SmsRequest] = ()
    faults: tuple[Fault | None, ...] = ()
    options: Mapping[str, Any] = MappingProxyType({})


REMINDERS = [message(n, scheduled=LATER + timedelta(hours=h)) for n in range(5) for h in range(3)]
NOTATIONS = [SmsRequest(destination=number, text="x") for number in ("+6591110001", "6591110001", "+6591110001")]
CASES = {
    "new": Case(messages(7), {"new": 7}),
    "batches": Case(messages(25), {"new": 25}, options={"mode": "batch", "batch_size": 10}),
    "duplicates": Case([*messages(4), *messages(2)], {"new": 4, "duplicates": 2}),
    "duplicates sent": Case(
        [*messages(4), *messages(2)], {"new": 6, "repeated_numbers": 2}, options={"duplicates": "send"}
    ),
    "notations": Case(NOTATIONS, {"new": 1, "duplicates": 2}),
    "reminders": Case(REMINDERS, {"new": 15, "scheduled": 15, "repeated_numbers": 5}),
    "same ids": Case(
        [message(1, client_message_id="a"), message(1, client_message_id="a"), message(2, client_message_id=" ")],
        {"new": 2, "duplicates": 1},
    ),
    "resumed": Case(messages(20), {"new": 12, "settled": 8}, before=messages(8)),
    "resumed batches": Case(
        messages(25),
        {"new": 17, "settled": 8},
        before=messages(8),
        options={"mode": "batch", "batch_size": 10},
    ),
    "resumed with copies": Case(
        [*messages(4), *messages(4)],
        {"new": 4, "settled": 4, "second": 4, "repeated_numbers": 4},
        before=messages(4),
        options={"duplicates": "send"},
    ),
    "missing": Case(messages(3), {"settled": 3, "missing": 5}, before=messages(8)),
    "mended text": Case(
        messages(20, "We open at ten"), {"new": 20, "second": 20, "missing": 20}, before=messages(20)
    ),
    "mended text with ids": Case(
        [message(n, "We open at ten", client_message_id=f"id-{n}") for n in range(20)],
        {"settled": 20},
        before=[message(n, client_message_id=f"id-{n}") for n in range(20)],
    ),
    "in doubt": Case(
        messages(5), {"in_doubt": 1, "settled": 4}, before=messages(5), faults=(Fault.accept_then_drop(),)
    ),
    "in doubt again": Case(
        messages(5),
        {"again_unknown": 1, "settled": 4},
        before=messages(5),
        faults=(Fault.accept_then_drop(),),
        options={"resend_unknown": True},
    ),
    "failed": Case(messages(5), {"settled": 5}, before=messages(5), faults=(Fault.error(1002),)),
    "failed again": Case(
        messages(5),
        {"again_failed": 1, "settled": 4},
        before=messages(5),
        faults=(Fault.error(1002),),
        options={"resend_failed": True},
    ),
    "second after a doubt": Case(
        messages(5, "We open at ten"),
        {"new": 5, "second": 5, "missing": 5},
        before=messages(5),
        faults=(Fault.accept_then_drop(),),
    ),
    "no second after a refusal": Case(
        messages(5, "We open at ten"),
        {"new": 5, "second": 4, "missing": 5},
        before=messages(5),
        faults=(Fault.error(1002),),
    ),
    "one per number": Case(
        [*REMINDERS, *NOTATIONS],
        {"new": 5, "scheduled": 5, "same_number": 13},
        options={"one_per_number": True, "duplicates": "send"},
    ),
    "one per number, mended": Case(
        messages(20, "We open at ten"),
        {"new": 12, "same_number": 8, "missing": 8},
        before=messages(8),
        options={"one_per_number": True, "mode": "batch", "batch_size": 7},
    ),
    "one per number, after a refusal": Case(
        messages(5, "We open at ten"),
        {"new": 1, "same_number": 4, "missing": 5},
        before=messages(5),
        faults=(Fault.error(1002),),
        options={"one_per_number": True},
    ),
    "one per number, resumed": Case(
        [*messages(6), *messages(6, "We open at ten")],
        {"new": 3, "settled": 3, "same_number": 6},
        before=messages(3),
        options={"one_per_number": True},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
async def test_what_was_planned_is_what_happens(sandbox: Sandbox, journal: Path, name: str) -> None:
    case = CASES[name]
    if case.before:
        sandbox.faults.plan(list(case.faults))
        await run(sandbox, journal, case.before, max_concurrency=1)
    before, sent_before = files(journal), len(sandbox.messages)
    options = {"allow_changed_input": True, **case.options}
    plan = await campaign(sandbox, journal, **options).plan(case.given)
    assert files(journal) == before
    assert len(sandbox.messages) == sent_before
    told = {field: value for field, value in attrs.asdict(plan).items() if value and isinstance(value, int)}
    apart = dict.fromkeys(("requests", "messages", "people"), 0)
    assert {**told, **apart} == {**case.expected, **apart}
    assert plan.messages == len(case.given) == plan.to_send + sum(getattr(plan, field) for field in LEFT_OUT)
    report = await run(sandbox, journal, case.given, **options)
    assert (report.accepted, report.known) == (plan.to_send, plan.settled + plan.in_doubt)
    assert (report.duplicates, report.same_number) == (plan.duplicates, plan.same_number)
    assert (report.requests, report.missing, report.mode) == (plan.requests, plan.missing, plan.mode)
    assert len(sandbox.messages) - sent_before == plan.to_send
    reached = {message.destination.lstrip("+") for message in sandbox.messages[sent_before:]}
    assert len(reached) == plan.people


@pytest.mark.parametrize("kind", ["list", "iterator", "async"])
async def test_every_kind_of_input_can_be_planned(sandbox: Sandbox, journal: Path, kind: str) -> None:
    async def source() -> AsyncIterator[SmsRequest]:
        for one in given:
            yield one

    given = [*messages(1_200 // 2), *messages(1_200 // 2)]
    kinds: dict[str, Callable[[], Any]] = {"list": lambda: given, "iterator": lambda: iter(given), "async": source}
    options: dict[str, Any] = {"mode": "batch", "batch_size": 50}
    await run(sandbox, journal, messages(75), **options)
    async with opened(sandbox, journal, allow_changed_input=True, **options) as one:
        plan = await one.plan(kinds[kind]())
        report = await one.send(kinds[kind]())
    assert (plan.new, plan.settled, plan.duplicates) == (525, 75, 600)
    assert (plan.requests, plan.to_send) == (report.requests, report.accepted)


async def test_auto_chooses_the_same_mode(sandbox: Sandbox, tmp_path: Path) -> None:
    for count, mode in ((1_000, "each"), (1_001, "batch")):
        given = [SmsRequest(destination=f"+65911{n:05}", text="x") for n in range(count)]
        plan = await campaign(sandbox, tmp_path / f"{count}.db", mode="auto").plan(iter(given))
        assert (plan.mode, plan.requests) == (mode, count if mode == "each" else 1)


async def test_a_plan_makes_no_journal_and_refuses_what_the_run_refuses(sandbox: Sandbox, journal: Path) -> None:
    assert (await campaign(sandbox, journal).plan(messages(3))).new == 3
    assert files(journal) == {}
    with pytest.raises(InvalidRequestError, match="message 2 has the id of message 1"):
        await campaign(sandbox, journal).plan([message(n, client_message_id="x") for n in range(2)])
    for wrong in (7, ["+6591110001"]):
        with pytest.raises(InvalidRequestError, match="messages"):
            await campaign(sandbox, journal).plan(wrong)  # type: ignore[arg-type]
    await run(sandbox, journal, messages(20))
    changed = [*messages(15, "We open at ten"), *messages(5)]
    for call in (campaign(sandbox, journal).plan, lambda given: run(sandbox, journal, given)):
        with pytest.raises(InputChangedError, match="15 of them are new, 15 of these go to people") as caught:
            await call(changed)
        assert isinstance(caught.value.plan, Plan)
        assert (caught.value.plan.second, caught.value.plan.settled) == (15, 5)
    assert len(sandbox.messages) == 20


async def test_beside_a_campaign_only_its_own_plan_is_told(sandbox: Sandbox, journal: Path) -> None:
    async with opened(sandbox, journal) as one:
        await one.send(messages(3))
        assert (await one.plan(messages(3))).settled == 3
        with pytest.raises(JournalInUseError):
            await campaign(sandbox, journal).plan(messages(3))
    assert (await one.plan(messages(3))).settled == 3


async def test_a_message_whose_time_has_passed_is_not_planned_as_sent(sandbox: Sandbox, journal: Path) -> None:
    now = datetime.now(UTC).timestamp()
    given = [message(1), message(2, expiry=LATER - timedelta(hours=26)), message(3, scheduled=LATER)]
    plan = await campaign(sandbox, journal, now=lambda: now).plan(given)
    assert (plan.new, plan.late, plan.scheduled, plan.requests) == (2, 1, 1, 2)
    report = await run(sandbox, journal, given)
    assert (report.accepted, report.not_sent, len(sandbox.messages)) == (2, 1, 2)


# --- one message a number


async def test_numbers_that_do_not_say_their_country_are_counted(sandbox: Sandbox, journal: Path) -> None:
    """Counts only messages that the run sends: no copies and no settled messages."""
    numbers = [("98765432", None), ("98765433", "SG"), ("+6598765434", None), ("6598765435", None), ("98765432", None)]
    given = [SmsRequest(destination=number, country=country, text="Hello") for number, country in numbers]
    plan = await campaign(sandbox, journal).plan(given)
    assert (plan.without_plus, plan.new, plan.duplicates) == (2, 4, 1)
    assert plan.as_dict()["without_plus"] == 2
    report = await run(sandbox, journal, given)
    assert report.accepted == plan.new
    assert sum(message.destination[0] != "+" and message.country is None for message in sandbox.messages) == 2
    assert (await campaign(sandbox, journal).plan(given)).without_plus == 0


async def test_the_index_on_numbers_is_made_only_for_who_asks_for_it(sandbox: Sandbox, journal: Path) -> None:
    for one_per_number, expected in ((False, 0), (True, 1), (False, 1)):
        await run(sandbox, journal, messages(2), one_per_number=one_per_number)
        connection = sqlite3.connect(journal)
        found = connection.execute("SELECT count(*) FROM sqlite_master WHERE name='message_who'").fetchone()[0]
        connection.close()
        assert found == expected
    assert status(journal).sent == 2


async def test_at_full_speed_a_number_gets_one_message(sandbox: Sandbox, journal: Path) -> None:
    """A hundred workers claim at the same time. A 429 makes some of them claim again."""
    sandbox.faults.plan([Fault.too_many_requests(retry_after=0.05)] * 3)
    given = [message(n % 50, f"text {n}") for n in range(400)]
    report = await run(sandbox, journal, given, one_per_number=True)
    assert (report.accepted, report.same_number, report.duplicates) == (50, 350, 0)
    assert sorted(m.destination for m in sandbox.messages) == sorted({m.destination for m in given})


async def test_a_cancelled_message_leaves_its_number_free(sandbox: Sandbox, journal: Path) -> None:
    async with opened(sandbox, journal, one_per_number=True, allow_changed_input=True) as one:
        await one.send(messages(4, scheduled=LATER))
        assert (await one.cancel()).cancelled == 4
        plan = await one.plan(messages(4, "We open at ten"))
        assert (plan.new, plan.second) == (4, 0)
        assert (await one.send(messages(4, "We open at ten"))).accepted == 4
        assert (await one.send(messages(4, "We open at eleven"))).same_number == 4


async def test_the_plan_leaves_no_file_behind(
    sandbox: Sandbox, journal: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    """No file is left where SQLite puts its temporary files, and none after an error."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("SQLITE_TMPDIR", str(folder))
    await run(sandbox, journal, messages(5))
    before = files(journal)

    def broken() -> Iterator[SmsRequest]:
        yield from (message(n % 1_000, f"{n}") for n in range(40_000))
        assert os.listdir(folder) == []  # noqa: PTH208 - a file without a name
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await campaign(sandbox, journal).plan(broken())
    assert list(folder.iterdir()) == []
    assert files(journal) == before
