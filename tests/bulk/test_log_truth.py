"""Logs and clocks that are wrong, and the result of `reconcile`: nothing is sent twice, nothing is lost."""

from __future__ import annotations

import csv
import io
import shutil
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from shared_sandbox import emptied

from eightbyeight_async import SmsRequest
from eightbyeight_async.bulk import Campaign, Reconciled, State, read_rows, status
from eightbyeight_async.bulk.judging.log_verdict import Why
from eightbyeight_async.errors import LogExportError
from eightbyeight_async.sandbox import Fault, Sandbox
from eightbyeight_async.sandbox.export import operations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from eightbyeight_async.bulk import Report

    Rows = list[dict[str, str]]
    EditLog = Callable[[Callable[[Rows], Rows]], None]

pytestmark = pytest.mark.anyio
DAY = 86_400.0
LOST, GONE_OUT = range(5), range(5, 10)  # numbers of the messages of `doubtful` that have no answer


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"  # logs are the same on both event loops


@pytest.fixture(scope="module")
def running_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Sandbox:
    emptied(running_sandbox)
    running_sandbox.exports.polls = 0  # a job that is not ready at the first look makes the test wait 2 s
    return running_sandbox


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "run.db"


@pytest.fixture
def edit_log(monkeypatch: pytest.MonkeyPatch) -> EditLog:
    """Changes the rows of every log file that the sandbox serves from now on."""

    def use(edit: Callable[[Rows], Rows]) -> None:
        truth = operations.csv_pieces

        def pieces(rows: Iterable[Any]) -> list[bytes]:
            found = list(csv.DictReader(io.StringIO(b"".join(truth(rows)).decode(), newline="")))
            edited = edit([dict(row) for row in found])
            out = io.StringIO()
            names = list(edited[0]) if edited else ["umid", "clientmessageid", "createdat"]
            writer = csv.DictWriter(out, names)
            writer.writeheader()
            writer.writerows(edited)
            return [out.getvalue().encode()]

        monkeypatch.setattr(operations, "csv_pieces", pieces)

    return use


def messages(count: int, **fields: Any) -> list[SmsRequest]:
    return [
        SmsRequest(destination=f"+6581{i:06d}", text="Your code", client_message_id=f"Order-{i}", **fields)
        for i in range(count)
    ]


async def send(sandbox: Sandbox, journal: Path, given: list[SmsRequest], **options: Any) -> Report:
    async with sandbox.client() as client, Campaign(client, journal, **{"mode": "each", **options}) as campaign:
        return await campaign.send(given)


async def reconcile(sandbox: Sandbox, journal: Path, *, lag: float = 1e-9, **options: Any) -> Reconciled:
    async with sandbox.client() as client, Campaign(client, journal, **options) as campaign:
        return await campaign.reconcile(lag=lag)


async def doubtful(
    sandbox: Sandbox, journal: Path, given: list[SmsRequest] | None = None, *, witnesses: int = 10, **options: Any
) -> list[SmsRequest]:
    """Sends messages. 5 without an answer are not accepted, 5 without an answer are accepted, and all others have
    answers.
    """
    given = messages(10 + witnesses) if given is None else given
    for number in LOST:
        sandbox.faults.on_destination(f"+6581{number:06d}", Fault.drop_before_accept())
    for number in GONE_OUT:
        sandbox.faults.on_destination(f"+6581{number:06d}", Fault.accept_then_drop())
    report = await send(sandbox, journal, given, **options)
    assert (report.unknown, report.accepted) == (10, len(given) - 10)
    return given


async def check_nothing_twice(sandbox: Sandbox, journal: Path, given: list[SmsRequest]) -> None:
    await send(sandbox, journal, given)
    assert set(sandbox.accepted_counts.values()) == {1}


# --- (a) Absence without a witness


def with_ids(change: Callable[[str], str]) -> Callable[[Rows], Rows]:
    return lambda rows: [{**row, "clientmessageid": change(row["clientmessageid"])} for row in rows]


def of_another_account(rows: Rows) -> Rows:
    return [{**row, "subaccountid": "another", "umid": f"x{row['umid']}"} for row in rows]


UNTRUE: dict[str, Callable[[Rows], Rows]] = {
    "no rows": lambda _: [],
    "ids in upper case": with_ids(str.upper),
    "ids in lower case": with_ids(str.lower),
    "ids in lower case, with a blank": with_ids(lambda one: f"{one.lower()} "),
    "ids cut off": with_ids(lambda one: one[:-1]),
    "no ids": with_ids(lambda _: ""),
    "another account's": of_another_account,
    "no umids": lambda rows: [{**row, "umid": "", "clientmessageid": row["clientmessageid"].lower()} for row in rows],
    "half of it": lambda rows: rows[: len(rows) // 2],
}


@pytest.mark.parametrize("name", UNTRUE)
async def test_a_log_that_does_not_hold_what_was_accepted_proves_no_absence(
    name: str, sandbox: Sandbox, journal: Path, edit_log: EditLog
) -> None:
    given = await doubtful(sandbox, journal)
    edit_log(UNTRUE[name])
    found = await reconcile(sandbox, journal)
    assert found.not_sent == 0
    assert found.unknown + found.sent == 10
    assert sum(found.why.values()) == found.unknown
    await check_nothing_twice(sandbox, journal, given)


async def test_a_log_without_the_column_of_ids_is_an_error_and_settles_nothing(
    sandbox: Sandbox, journal: Path, edit_log: EditLog
) -> None:
    given = await doubtful(sandbox, journal)
    edit_log(lambda rows: [{name: row[name] for name in row if name != "clientmessageid"} for row in rows])
    with pytest.raises(LogExportError, match="does not have clientmessageid"):
        await reconcile(sandbox, journal)
    assert status(journal).unknown == 10
    await check_nothing_twice(sandbox, journal, given)


async def test_an_export_that_is_empty_or_late_proves_no_absence(sandbox: Sandbox, journal: Path) -> None:
    given = await doubtful(sandbox, journal)
    sandbox.exports.lag = 3_600  # the job ends as "empty"
    found = await reconcile(sandbox, journal)
    assert (found.unknown, found.why, found.lacking) == (10, {Why.NOT_WHOLE.value: 10}, 10)
    await check_nothing_twice(sandbox, journal, given)


async def test_without_any_accepted_message_absence_proves_nothing(sandbox: Sandbox, journal: Path) -> None:
    """An empty log cannot be told from the log of another account."""
    given = await doubtful(sandbox, journal, witnesses=0)
    found = await reconcile(sandbox, journal)
    assert (found.sent, found.not_sent, found.why) == (5, 0, {Why.NO_WITNESS.value: 5})
    await check_nothing_twice(sandbox, journal, given)


async def test_an_accepted_message_of_another_hour_is_no_witness(sandbox: Sandbox, journal: Path) -> None:
    await send(sandbox, journal, messages(3), now=lambda: time.time() - 4 * 3_600)
    sandbox.faults.on_destination("+6581000003", Fault.drop_before_accept())
    await send(sandbox, journal, messages(4), allow_changed_input=True)
    found = await reconcile(sandbox, journal)
    assert (found.not_sent, found.why) == (0, {Why.NO_WITNESS.value: 1})


async def test_one_id_in_another_form_among_true_ones_leaves_its_message_unknown(
    sandbox: Sandbox, journal: Path, edit_log: EditLog
) -> None:
    """The log has the ids of all witnesses unchanged. One message that was accepted without an answer has its id in
    lower case.
    """
    given = await doubtful(sandbox, journal)
    edit_log(with_ids(lambda one: one.lower() if one == "Order-7" else one))
    found = await reconcile(sandbox, journal)
    assert (found.sent, found.not_sent, found.why) == (4, 5, {Why.OTHER_FORM.value: 1})
    await check_nothing_twice(sandbox, journal, given)
    edit_log(lambda rows: rows)


async def test_ids_with_a_blank_behind_them_are_found(sandbox: Sandbox, journal: Path, edit_log: EditLog) -> None:
    given = await doubtful(sandbox, journal)
    edit_log(with_ids(lambda one: f"{one}  "))
    found = await reconcile(sandbox, journal)
    assert (found.sent, found.not_sent, found.unknown) == (5, 5, 0)
    await check_nothing_twice(sandbox, journal, given)


async def test_a_message_settled_by_hand_and_a_cancelled_one_do_not_make_a_log_less_than_whole(
    sandbox: Sandbox, journal: Path, edit_log: EditLog
) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    given = [*messages(14), *messages(20, scheduled=later)[14:]]
    await doubtful(sandbox, journal, given)
    async with sandbox.client() as client, Campaign(client, journal) as campaign:
        await campaign.resolve("Order-0", sent=True)  # a user's mistake: the message is not in the log
        assert (await campaign.cancel()).cancelled == 6
    edit_log(lambda rows: [row for row in rows if int(row["clientmessageid"].split("-")[1]) < 14])
    found = await reconcile(sandbox, journal)
    assert (found.sent, found.not_sent, found.unknown) == (5, 4, 0)


# --- (b) Clocks


@pytest.mark.parametrize("ahead", [DAY, 3_600.0, -3_600.0, -DAY])
async def test_a_clock_that_was_wrong_at_the_claim_and_is_right_now(
    ahead: float, sandbox: Sandbox, journal: Path
) -> None:
    given = await doubtful(sandbox, journal, now=lambda: time.time() + ahead)
    found = await reconcile(sandbox, journal)
    if ahead > 0:
        assert (found.not_sent, found.why[Why.CLOCK.value]) == (0, 10 - found.sent)
    else:
        # Each witness shows by how many seconds the clock was behind.
        assert (found.sent, found.not_sent, found.unknown) == (5, 5, 0)
    await check_nothing_twice(sandbox, journal, given)


@pytest.mark.parametrize("asked_after", [0.0, 2 * DAY])
async def test_a_sender_that_died_with_a_wrong_clock(
    asked_after: float, sandbox: Sandbox, journal: Path, tmp_path: Path
) -> None:
    """The message was claimed by a clock one day ahead. The next run has the right clock, so the claim's end is earlier
    than its start.
    """
    left = tmp_path / "left"

    def look(settled: Any) -> None:
        if settled.place == 9 and not left.exists():
            left.mkdir()
            for end in ("", "-wal", "-mark"):
                shutil.copy(journal.with_name(f"run.db{end}"), left)

    given = messages(20)
    await send(sandbox, journal, given, now=lambda: time.time() + DAY, on_result=look, max_concurrency=4)
    died = left / "run.db"
    assert status(died).unknown >= 1
    async with sandbox.client() as client, Campaign(client, died):
        pass  # claims without a result become UNKNOWN here, with the right time
    sandbox.clock.advance(asked_after)
    found = await reconcile(sandbox, died, now=lambda: time.time() + asked_after)
    assert found.not_sent == 0
    sandbox.reset()
    accepted = {row.key for row in read_rows(died) if row.state is not State.NOT_SENT}
    await send(sandbox, died, given)
    assert not accepted & set(sandbox.accepted_counts)


async def test_a_clock_that_jumped_while_it_sent_loses_and_doubles_nothing(sandbox: Sandbox, journal: Path) -> None:
    jump = iter([0.0] * 12 + [-7 * DAY] * 11 + [DAY] * 10 + [0.0] * 10_000)
    given = await doubtful(sandbox, journal, now=lambda: time.time() + next(jump), max_concurrency=2)
    found = await reconcile(sandbox, journal)
    assert found.sent + found.not_sent + found.unknown == 10
    assert all(row.place in LOST for row in read_rows(journal, State.NOT_SENT))
    await check_nothing_twice(sandbox, journal, given)


async def test_a_log_whose_clock_is_ahead_is_understood(sandbox: Sandbox, journal: Path) -> None:
    """8x8's clock is ahead, ours is right. In the log, a rehearsal from an hour ago seems as late as our claim."""
    sandbox.clock.advance(3_000)
    given = await doubtful(sandbox, journal)
    found = await reconcile(sandbox, journal)
    assert (found.sent, found.not_sent, found.unknown) == (5, 5, 0)
    await check_nothing_twice(sandbox, journal, given)


async def test_a_log_of_whole_seconds_is_understood(sandbox: Sandbox, journal: Path, edit_log: EditLog) -> None:
    given = await doubtful(sandbox, journal)
    edit_log(lambda rows: [{**row, "createdat": row["createdat"][:19] + "Z"} for row in rows])
    found = await reconcile(sandbox, journal)
    assert (found.sent, found.not_sent, found.unknown) == (5, 5, 0)
    await check_nothing_twice(sandbox, journal, given)


async def test_a_log_whose_times_cannot_be_read_proves_nothing(
    sandbox: Sandbox, journal: Path, edit_log: EditLog
) -> None:
    given = await doubtful(sandbox, journal)
    edit_log(lambda rows: [{**row, "createdat": "26/11/2026"} for row in rows])
    found = await reconcile(sandbox, journal)
    assert (found.sent, found.why[Why.OTHER_TIME.value]) == (0, 5)
    await check_nothing_twice(sandbox, journal, given)


# --- (c) A rehearsal with the same ids


@pytest.mark.parametrize("witnesses", [0, 10])
async def test_a_rehearsal_is_not_taken_for_the_real_thing(
    witnesses: int, sandbox: Sandbox, journal: Path, tmp_path: Path
) -> None:
    given = messages(10 + witnesses)
    await send(sandbox, tmp_path / "rehearsal.db", given)
    sandbox.clock.advance(3_600)

    def hour_later() -> float:
        return time.time() + 3_600

    await doubtful(sandbox, journal, given, now=hour_later)
    found = await reconcile(sandbox, journal, now=hour_later)
    if witnesses:
        assert (found.sent, found.not_sent, found.unknown) == (5, 5, 0)
        await send(sandbox, journal, given)
        assert set(sandbox.accepted_counts.values()) == {2}, "the rehearsal, and the real thing once"
    else:
        assert (found.sent, found.not_sent, found.unknown) == (5, 0, 5)


# --- (d) Several rows of one id


@pytest.mark.parametrize("order", [1, -1])
async def test_delivered_and_rejected_is_sent(order: int, sandbox: Sandbox, journal: Path, edit_log: EditLog) -> None:
    given = await doubtful(sandbox, journal)
    edit_log(lambda rows: [*rows, *({**row, "umid": "x", "status_value": "rejected"} for row in rows)][::order])
    found = await reconcile(sandbox, journal)
    assert (found.sent, found.rejected, found.not_sent) == (5, 0, 5)
    report = await send(sandbox, journal, given, resend_failed=True)
    assert (report.known, report.accepted) == (15, 5)
    assert set(sandbox.accepted_counts.values()) == {1}


async def test_what_the_log_has_as_rejected_only_is_rejected(
    sandbox: Sandbox, journal: Path, edit_log: EditLog
) -> None:
    await doubtful(sandbox, journal)
    edit_log(lambda rows: [{**row, "status_value": "Rejected"} for row in rows])
    found = await reconcile(sandbox, journal)
    assert (found.sent, found.rejected, found.not_sent) == (0, 5, 5)


# --- (e) Odd ids


@pytest.mark.parametrize("reference", ["", "   ", "\t", "\0", " order {} ", "a\0b{}", "order 81{:06d}", "Ümläut {}"])
async def test_odd_ids_are_found_in_the_log(reference: str, sandbox: Sandbox, journal: Path) -> None:
    """A blank id is no id: the message gets a digest as its id. An id with outer blanks is looked up unchanged."""
    given = [
        SmsRequest(destination=f"+6581{i:06d}", text="Your code", client_message_id=reference.format(i) or None)
        if reference
        else SmsRequest(destination=f"+6581{i:06d}", text="Your code", client_message_id="")
        for i in range(20)
    ]
    await doubtful(sandbox, journal, given)
    found = await reconcile(sandbox, journal)
    assert (found.sent, found.not_sent, found.unknown) == (5, 5, 0)
    report = await send(sandbox, journal, given)
    assert (report.known, report.accepted) == (15, 5)
    assert len({message.destination for message in sandbox.messages}) == len(sandbox.messages) == 20


# --- (f) Scheduled


async def test_what_is_scheduled_and_not_due_stays_unknown_unless_the_log_has_it(
    sandbox: Sandbox, journal: Path, edit_log: EditLog
) -> None:
    later = datetime.now(UTC) + timedelta(hours=2)
    given = [*messages(10, scheduled=later), *messages(20)[10:]]
    await doubtful(sandbox, journal, given)
    # the log lacks it until it is due
    edit_log(lambda rows: [row for row in rows if row["clientmessageid"] != "Order-9"])
    found = await reconcile(sandbox, journal)
    assert (found.sent, found.not_sent, found.why) == (4, 0, {Why.SCHEDULED.value: 6})
    edit_log(lambda rows: rows)

    def when_due() -> float:
        return time.time() + 2 * 3_600 + 700

    sandbox.clock.advance(2 * 3_600 + 700)
    found = await reconcile(sandbox, journal, lag=600, now=when_due)
    assert (found.sent, found.not_sent, found.why) == (0, 6, {})


@pytest.mark.parametrize("scheduled", [None, timedelta(hours=2)])
async def test_a_message_whose_umid_is_known_is_looked_up_by_it(
    scheduled: timedelta | None, sandbox: Sandbox, journal: Path, edit_log: EditLog
) -> None:
    """8x8 answers with a status that this version does not know. The log does not have the message (yet)."""
    when = None if scheduled is None else datetime.now(UTC) + scheduled
    await send(sandbox, journal, messages(3))
    async with sandbox.client() as client:
        umid = (await client.sms.send(SmsRequest(destination="+6581000003", text="x", scheduled=when))).umid
    body = f'{{"umid":"{umid}","status":{{"code":"PARKED","description":"new"}}}}'.encode()
    sandbox.faults.on_destination("+6581000004", Fault.answer(body))
    given = [*messages(3), messages(5, scheduled=when)[4]]
    report = await send(sandbox, journal, given, allow_changed_input=True)
    assert report.unknown == 1
    edit_log(lambda rows: [row for row in rows if row["umid"] != umid])
    found = await reconcile(sandbox, journal)
    assert (found.sent, found.not_sent, found.unknown) == (1, 0, 0)
    await send(sandbox, journal, given)
    assert len(sandbox.messages) == 4
