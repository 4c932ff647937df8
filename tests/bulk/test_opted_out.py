"""People who have opted out, in a campaign of Python: not sent to, journaled, and back when they are back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from eightbyeight_async import SmsRequest
from eightbyeight_async.bulk import Campaign, State, read_rows, status
from eightbyeight_async.bulk.store.journal_file import read_head
from eightbyeight_async.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eightbyeight_async.bulk import Plan, Report

pytestmark = pytest.mark.anyio


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


PEOPLE = [SmsRequest(destination=f"+65800000{n:02}", text="Hi") for n in range(30)]
OUT = {person.destination for person in PEOPLE[5:15]}


async def run(
    sandbox: Sandbox, journal: Path, people: list[SmsRequest] | None = None, **options: Any
) -> tuple[Plan, Report]:
    messages = PEOPLE if people is None else people
    async with sandbox.client() as client, Campaign(client, journal, **options) as campaign:
        plan = await campaign.plan(messages)
        return plan, await campaign.send(messages)


def out(request: SmsRequest) -> bool:
    return request.destination in OUT


@pytest.mark.parametrize("mode", ["each", "batch"])
@pytest.mark.parametrize("more", [{}, {"one_per_number": True}, {"duplicates": "send"}, {"batch_size": 4}])
async def test_they_are_planned_journaled_and_not_sent(
    sandbox: Sandbox, tmp_path: Path, mode: str, more: dict[str, Any]
) -> None:
    twice = [*PEOPLE, *PEOPLE[10:20]]  # 5 of these are out
    plan, report = await run(sandbox, tmp_path / "run.db", twice, mode=mode, opted_out=out, **more)
    sends, left_out = (25, 15) if "duplicates" in more else (20, 10)
    assert (plan.opted_out, plan.to_send, plan.requests) == (left_out, sends, report.requests)
    assert (report.opted_out, report.accepted, report.not_sent) == (left_out, sends, 0)
    assert (report.duplicates, report.same_number) == (plan.duplicates, plan.same_number)
    assert report.taken == report.accepted + report.opted_out + report.duplicates + report.same_number
    reached = {message.destination.lstrip("+") for message in sandbox.messages}
    assert reached == {person.destination.lstrip("+") for person in PEOPLE if not out(person)}
    found = status(tmp_path / "run.db")
    assert (found.accepted, found.opted_out, found.not_sent, found.done) == (sends, left_out, 0, True)
    assert sum(1 for _ in read_rows(tmp_path / "run.db", State.OPTED_OUT)) == left_out


@pytest.mark.parametrize("mode", ["each", "batch"])
async def test_who_is_back_is_sent_to_and_who_opts_out_later_keeps_the_outcome(
    sandbox: Sandbox, tmp_path: Path, mode: str
) -> None:
    journal = tmp_path / "run.db"
    await run(sandbox, journal, mode=mode, opted_out=out)
    plan, report = await run(sandbox, journal, mode=mode, opted_out=out)
    assert (plan.settled, plan.opted_out, plan.to_send, report.accepted) == (20, 10, 0, 0)
    plan, report = await run(sandbox, journal, mode=mode)
    assert (plan.new, plan.opted_in, plan.second, report.accepted) == (10, 10, 0, 10)
    plan, report = await run(sandbox, journal, mode=mode, opted_out=out)
    assert (plan.settled, plan.opted_out, report.known) == (30, 0, 30)
    assert (status(journal).sent, len(sandbox.messages)) == (30, 30)


async def test_a_message_in_doubt_stays_in_doubt(sandbox: Sandbox, tmp_path: Path) -> None:
    journal = tmp_path / "run.db"
    for person in PEOPLE[5:8]:
        sandbox.faults.on_destination(person.destination, Fault.accept_then_drop())
    await run(sandbox, journal, mode="each")
    assert status(journal).unknown == 3
    plan, report = await run(sandbox, journal, mode="each", opted_out=out, resend_unknown=True)
    assert (plan.again_unknown, plan.in_doubt, report.accepted) == (0, 3, 0), "not sent again, and not forgotten"
    assert (status(journal).unknown, status(journal).opted_out) == (3, 0)


async def test_a_journal_of_only_opted_out_people_belongs_to_no_account(sandbox: Sandbox, tmp_path: Path) -> None:
    await run(sandbox, tmp_path / "run.db", opted_out=lambda _: True)
    with closing(sqlite3.connect(tmp_path / "run.db", isolation_level=None)) as journal:
        journal.execute("UPDATE account SET subaccount_id='somebody-else'")
    _, report = await run(sandbox, tmp_path / "run.db")
    assert report.accepted == 30


@pytest.mark.parametrize(("salt", "version"), [(17, 4), (16, 3)])
async def test_a_journal_that_began_under_an_older_rule_keeps_its_keys(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, salt: int, version: int
) -> None:
    people = [
        SmsRequest(destination="+6581000001", text="Hi", client_message_id="order +65 8100-0001"),
        SmsRequest(destination="+6581000002", text="Hi", client_message_id="order 2"),
        SmsRequest(destination="81000003", country="sg", text="Hi"),
        SmsRequest(destination="81000003", country="SG", text="Hi"),
    ]
    journal = tmp_path / "run.db"
    monkeypatch.setattr("eightbyeight_async.bulk.store.journal_file.SALT_BYTES", salt)
    assert (await run(sandbox, journal, people))[1].accepted == 4
    assert ("order +65 8100-0001" in {row.key for row in read_rows(journal)}) == (salt == 16)
    head = read_head(journal)
    with closing(sqlite3.connect(journal, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA user_version={head._replace(version=version).user_version}")
    monkeypatch.undo()
    plan, report = await run(sandbox, journal, people)
    assert (plan.settled, report.known, report.accepted, len(sandbox.messages)) == (4, 4, 0, 4)
    assert read_head(journal).version == 5


@pytest.mark.parametrize("mode", ["each", "batch"])
async def test_the_case_of_a_country_makes_no_second_message(sandbox: Sandbox, tmp_path: Path, mode: Any) -> None:
    """The same person by one text is a copy; by another text it is one number; and a mended cell changes nothing."""
    lower, upper, other = (
        SmsRequest(destination="81000003", country=country, text=text)
        for country, text in (("sg", "Hi"), ("SG", "Hi"), ("Sg", "Hello"))
    )
    journal = tmp_path / "run.db"
    plan, report = await run(sandbox, journal, [lower, upper, other], mode=mode, one_per_number=True)
    assert (plan.new, plan.duplicates, plan.same_number) == (1, 1, 1)
    assert (report.accepted, report.duplicates, report.same_number, len(sandbox.messages)) == (1, 1, 1, 1)
    _, report = await run(sandbox, journal, [upper, lower, other], mode=mode, one_per_number=True)
    assert (report.known, report.accepted, len(sandbox.messages)) == (1, 0, 1)


async def test_a_journal_of_an_older_version_goes_on(sandbox: Sandbox, tmp_path: Path) -> None:
    journal = tmp_path / "run.db"
    await run(sandbox, journal, PEOPLE[:20])
    head = read_head(journal)
    assert head.version == 5
    with closing(sqlite3.connect(journal, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA user_version={head._replace(version=2).user_version}")
    assert (read_head(journal).version, status(journal).sent) == (2, 20)
    plan, report = await run(sandbox, journal, opted_out=out, allow_changed_input=True)
    assert (plan.settled, plan.new, report.accepted, len(sandbox.messages)) == (20, 10, 10, 30)
    assert read_head(journal).version == 5, "older packages must not take it: they do not know the state"
