"""`--window`, `--weekdays`: a message outside the window is scheduled for the next opening at the person's place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cli.command_line import in_process
from patience import within_a_quarter_hour

from eightbyeight_async.cli.exit_codes import UsageError
from eightbyeight_async.cli.reading.bad_rows import good_rows
from eightbyeight_async.cli.reading.row_to_request import Row
from eightbyeight_async.cli.reading.send_window import SendWindow, WindowClosingError
from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.models.sms import SmsRequest

if TYPE_CHECKING:
    from pathlib import Path

    from eightbyeight_async.sandbox import Sandbox

SG, AU, US, GB = "+6591234561", "+61411222333", "+12025550123", "+447700900001"
FRIDAY = "2026-11-27"


def window(span: str | None, now: str, *, weekdays: bool = False) -> SendWindow:
    found = SendWindow.parse(span, datetime.fromisoformat(now), weekdays=weekdays)
    assert found is not None
    return found


def moment(number: str, at: str, span: str | None = "09:00-20:00", zone: str = "", **more: Any) -> str | None:
    weekdays = more.pop("weekdays", False)
    found = window(span, at, weekdays=weekdays).moment(SmsRequest(destination=number, text="Hi", **more), zone)
    return None if found is None else found.isoformat(timespec="minutes")


@pytest.mark.parametrize(
    ("number", "at", "options", "expected"),
    [
        (SG, f"{FRIDAY}T09:00+08:00", {}, None),
        (SG, f"{FRIDAY}T19:44+08:00", {}, None),
        (SG, f"{FRIDAY}T19:50+08:00", {}, "2026-11-28T09:00+08:00"),  # open, but for less than a quarter of an hour
        (SG, f"{FRIDAY}T20:00+08:00", {}, "2026-11-28T09:00+08:00"),
        (SG, f"{FRIDAY}T08:59+08:00", {}, f"{FRIDAY}T09:00+08:00"),
        (SG, f"{FRIDAY}T00:30+00:00", {}, f"{FRIDAY}T09:00+08:00"),
        (SG, f"{FRIDAY}T21:00+08:00", {"weekdays": True}, "2026-11-30T09:00+08:00"),
        (SG, f"{FRIDAY}T10:00+08:00", {"weekdays": True}, None),
        (SG, "2026-11-28T10:00+08:00", {"weekdays": True, "span": None}, "2026-11-30T00:00+08:00"),
        (US, f"{FRIDAY}T09:00+08:00", {}, f"{FRIDAY}T09:00-05:00"),
        ("2025550123", f"{FRIDAY}T09:00+08:00", {"country": "US"}, f"{FRIDAY}T09:00-05:00"),
        (GB, f"{FRIDAY}T07:00+00:00", {}, f"{FRIDAY}T09:00+00:00"),
        # All zones of Australia: the window opens last on Christmas Island (+07:00) and closes first on Lord Howe
        # Island (+11:00).
        (AU, f"{FRIDAY}T08:59+07:00", {}, f"{FRIDAY}T09:00+06:30"),
        (AU, f"{FRIDAY}T10:00+06:30", {}, None),
        (AU, f"{FRIDAY}T19:50+11:00", {}, "2026-11-28T09:00+06:30"),
        (AU, f"{FRIDAY}T08:59+07:00", {"zone": "Australia/Sydney"}, None),
        # The column has precedence over the number.
        (SG, f"{FRIDAY}T10:00+08:00", {"zone": "Europe/Berlin"}, f"{FRIDAY}T09:00+01:00"),
        # A scheduled message is moved to the next opening.
        (SG, f"{FRIDAY}T10:00+08:00", {"scheduled": datetime.fromisoformat(f"{FRIDAY}T22:00+08:00")},
         "2026-11-28T09:00+08:00"),
        (SG, f"{FRIDAY}T10:00+08:00", {"scheduled": datetime.fromisoformat(f"{FRIDAY}T19:59+08:00")},
         f"{FRIDAY}T19:59+08:00"),
    ],
)  # fmt: skip
def test_a_message_is_sent_when_it_is_open_there(
    number: str, at: str, options: dict[str, Any], expected: str | None
) -> None:
    assert moment(number, at, **options) == expected


@pytest.mark.parametrize("span", ["9-20", "09:00-24:00", "20:00-09:00", "09:00-09:10", "09:00", ""])
def test_a_window_that_is_none_is_refused(span: str) -> None:
    with pytest.raises(UsageError, match="--window: "):
        window(span, f"{FRIDAY}T09:00+08:00")


@pytest.mark.parametrize(
    ("number", "zone", "span", "words"),
    [
        ("+9991234567", "", "09:00-20:00", "time zone is not known"),
        (SG, "Singapore City", "09:00-20:00", "such as Asia/Singapore"),
        (SG, "../../etc/passwd", "09:00-20:00", "such as Asia/Singapore"),
        # from Moscow to Kamchatka, never open everywhere at once
        ("+79161234567", "", "09:00-09:30", "more than 7 days ahead"),
    ],
)
def test_what_cannot_be_known_is_refused(number: str, zone: str, span: str, words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        moment(number, f"{FRIDAY}T09:00+08:00", span, zone)


@pytest.mark.parametrize("command", ["send-each", "send-batch", "bulk run"])
def test_the_run_schedules_what_the_dry_run_says(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    # Zones around the earth: at any time, some of them are within the window and others are not.
    zones = [f"Etc/GMT{offset:+d}" for offset in range(-12, 13)]
    rows = "".join(f"+65912345{at:02},{zone}\n+65912345{at:02},{zone}\n" for at, zone in enumerate(zones))
    (tmp_path / "people.csv").write_text(f"destination,Time Zone\n{rows}")
    where = ("--journal", tmp_path / "run.db") if command == "bulk run" else ("--output", tmp_path / "out.jsonl")
    line = (*command.split(), tmp_path / "people.csv", "--text", "Hi", "--window", "09:00-20:00", *where)
    within_a_quarter_hour()  # A zone's window opens at 9:00, and at 19:45 nothing more is sent at once.
    before = datetime.now(UTC)
    dry = in_process(*line, "--dry-run", sandbox=sandbox, capsys=capsys)
    ran = in_process(*line, sandbox=sandbox, capsys=capsys)
    assert (dry.code, ran.code, len(sandbox.messages)) == (0, 0, 25), (
        "two copies have the same time, so one is left out"
    )
    scheduled = 0
    for message in sandbox.messages:
        offset = timedelta(hours=-int(zones[int(message.destination[-2:])][7:]))
        asked = message.body.get("scheduled")
        local = (before if asked is None else datetime.fromisoformat(asked)).astimezone(UTC) + offset
        assert 9 <= local.hour < 20
        scheduled += asked is not None
    assert 0 < scheduled < 25
    assert f"{scheduled} of them scheduled" in dry.err
    if command == "bulk run":
        again = in_process("bulk", "run", "--journal", tmp_path / "run.db", sandbox=sandbox, capsys=capsys)
        assert (again.code, len(sandbox.messages)) == (0, 25), again.err
        assert "--window" in again.err.splitlines()[0]
        cancelled = in_process("bulk", "cancel", "--journal", tmp_path / "run.db", sandbox=sandbox, capsys=capsys)
        assert f"cancelled: {scheduled} message" in cancelled.out


def test_a_run_that_takes_longer_than_a_window_is_known_to_be_open_stops() -> None:
    rows = [Row(number=1, line=2, request=SmsRequest(destination=SG, text="Hi"))]
    past = SendWindow.parse("09:00-20:00", datetime.now(UTC) - timedelta(minutes=16), weekdays=False)
    fresh = SendWindow.parse("09:00-20:00", datetime.now(UTC) - timedelta(minutes=10), weekdays=False)
    later = SmsRequest(destination=SG, text="Hi", scheduled=datetime.now(UTC) + timedelta(hours=1))
    from array import array

    assert len(list(good_rows(rows, array("q"), None, fresh))) == 1
    assert len(list(good_rows([Row(number=1, line=2, request=later)], array("q"), None, past))) == 1
    with pytest.raises(WindowClosingError):
        list(good_rows(rows, array("q"), None, past))


def test_a_row_whose_zone_is_wrong_is_a_problem_only_with_a_window(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "people.csv").write_text("destination,time_zone\n+6591234561,Mars\n")
    line = ("send-each", tmp_path / "people.csv", "--text", "Hi", "--dry-run")
    assert in_process(*line, capsys=capsys).code == 0
    ended = in_process(*line, "--weekdays", capsys=capsys)
    assert (ended.code, "people.csv:2 (row 1): time_zone: must be a name" in ended.err) == (2, True), ended.err


def test_a_campaign_remembers_weekdays(sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "people.csv").write_text("destination\n+6591234561\n")
    journal = ("--journal", tmp_path / "run.db")
    line = ("bulk", "run", tmp_path / "people.csv", "--text", "Hi", "--weekdays", *journal)
    assert in_process(*line, sandbox=sandbox, capsys=capsys).code == 0
    again = in_process("bulk", "run", *journal, sandbox=sandbox, capsys=capsys)
    assert (again.code, "--weekdays" in again.err.splitlines()[0], len(sandbox.messages)) == (0, True, 1), again.err
