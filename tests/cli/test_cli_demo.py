"""The demo, end to end, as CI runs it: into a pipe, without escape codes, with counts that add up."""

from __future__ import annotations

import csv
import json
import re
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest
from cli.command_line import eightbyeight

from eightbyeight_async.cli.commands import demo
from eightbyeight_async.cli.commands import demo_rows as demo_file
from eightbyeight_async.cli.commands.demo import CommandCounts
from eightbyeight_async.cli.commands.demo_campaign import CommandFailedError
from eightbyeight_async.cli.sending.outcome_counts import OutcomeCounts

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.long
def test_the_demo_adds_up(tmp_path: Path) -> None:
    output = tmp_path / "o.jsonl"
    ended = eightbyeight("demo", "--concurrency", 8, "--output", output)
    assert ended.code == 0, ended.err
    assert "\x1b" not in ended.out + ended.err
    table = {
        words: (int(ours.replace(",", "")), int(theirs.replace(",", "")))
        for words, ours, theirs in re.findall(r"│ +(?:[=+] )?([\w ():,']+?) +│ +([\d,]+) │ +([\d,]+) │", ended.out)
    }
    assert table["rows in the file"] == (2000, 2000)
    assert table["accepted"] == (1990, 1990)
    assert (table["rejected by the API"], table["failed (code 1002)"]) == ((6, 6), (3, 3))
    assert table["scheduled"] == table["cancelled"] == (284, 284)
    assert table["sent now"] == (1990 - 284, 1990 - 284)
    assert table["still scheduled"] == (0, 0)
    assert table["tries repeated after code 2000"] == (2, 2)
    assert (table["cancelled of a batch"], table["cancelled ChatApps messages"]) == ((10, 10), (1, 1))
    assert table["answer lost: may be sent"] == (1, 1)
    assert table["messages of the campaign"] == table["sent, each exactly once"] == (300, 300)
    assert table["in doubt at the end"] == (0, 0)
    assert table["in doubt, found in 8x8's log"] == (20, 20)
    for words in (
        "(may have been sent)",
        "cost: ",
        "kill -9. The API has accepted 120 messages, the journal knows 100",
        "100 sent, 0 rejected, 0 failed, 20 unknown, 180 not sent",
    ):
        assert words in ended.err
    records = [json.loads(line) for line in output.read_text().splitlines()]
    assert sorted(record["row"] for record in records) == list(range(1, 2001))


def test_the_demo_notices_books_that_do_not_add_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A result that is lost on its way to the counts makes the demo fail."""
    enter = CommandCounts.add

    def forgetful(self: CommandCounts, result: object) -> None:
        if result.index != 5:  # type: ignore[attr-defined]
            enter(self, result)  # type: ignore[arg-type]

    monkeypatch.setattr(CommandCounts, "add", forgetful)
    monkeypatch.setattr(demo, "run_killed_campaign", lambda directory, display: [("campaign", 1, 1)])
    assert demo.run_demo(concurrency=8, output=None) == 1
    assert "do not add up" in capsys.readouterr().err


def test_the_demo_says_that_its_campaign_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(directory: Path, display: object) -> None:
        raise CommandFailedError("the command ended with exit code 2")

    monkeypatch.setattr(demo, "run_killed_campaign", fail)
    assert demo.run_demo(concurrency=8, output=None) == 1
    assert "the demo's campaign failed: the command ended with exit code 2" in capsys.readouterr().err


def test_the_rows_that_ship_are_what_they_are_said_to_be() -> None:
    text = (files("eightbyeight_async.cli") / "demo.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert len(rows) == len({row["destination"] for row in rows}) == len({row["client_message_id"] for row in rows})
    assert len(rows) == 2000
    assert sum(row["destination"].startswith("+999") for row in rows) == 6
    faulty = [rows[number - 1] for number in demo_file.FAULTY_ROWS]
    assert all(not row["scheduled_in_minutes"] and not row["destination"].startswith("+999") for row in faulty)
    countries = {"+44", "+1", "+33", "+49", "+46", "+61", "+65", "+62", "+63", "+66", "+81", "+82", "+91", "+852"}
    assert all(
        any(row["destination"].startswith(c) for c in countries) for row in rows if "+999" not in row["destination"]
    )
    # Numbers that belong to nobody: kept for films, or with zeros where a subscriber's number begins.
    nobody = r"\+(44770090|1\d{3}55501|3363998|4917139200|4670174|61491570|999000|(65|62|63|66|81|82|91|852)000)"
    assert all(re.match(nobody, row["destination"]) for row in rows)


def test_an_empty_tally_is_a_success() -> None:
    assert OutcomeCounts(0).exit == 0
