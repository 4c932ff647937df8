"""`bulk report`: one page whose totals add up, without network, numbers and texts."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from cli.command_line import in_process

from eightbyeight_async.bulk import Status
from eightbyeight_async.cli.bulk.report_page import Figures, page
from eightbyeight_async.sandbox import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from eightbyeight_async.sandbox import Sandbox

MADE = datetime(2026, 11, 26, tzinfo=UTC)
VOID = {"meta"}


class Balanced(HTMLParser):
    """Fails where a tag is not closed, and collects what a page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [name for name, _ in attrs if name in ("src", "href", "srcset", "data", "onload", "onerror")]
        self.loads += [tag] * (tag in ("script", "link", "iframe", "img", "base"))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def checked(text: str) -> str:
    parser = Balanced()
    parser.feed(text)
    assert (parser.open, parser.loads) == ([], [])
    assert "url(" not in text
    for picture in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        ET.fromstring(picture)  # noqa: S314 - our own
    return text


def cells(text: str) -> dict[str, int]:
    """The table of the states."""
    row = r'<th scope="row">(?:<i class="\w+"></i>)?([^<]+)</th><td>([\d,]+)</td><td>[^<]*</td>'
    found = re.findall(row, text.partition("</table>")[0])
    return {name: int(number.replace(",", "")) for name, number in found}


def test_the_page_tells_what_became_of_a_campaign(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "".join(f"+65912345{n:02},Name{n},{'yes' if n > 17 else ''}\n" for n in range(20))
    (tmp_path / "people.csv").write_text(f"destination,name,opt_out\n{rows}")
    sandbox.faults.on_destination("+6591234501", Fault.error(1002))
    sandbox.faults.on_destination("+6591234502", Fault.accept_then_drop())
    journal = ("--journal", tmp_path / "run.db")
    in_process("bulk", "run", tmp_path / "people.csv", "--text", "Hi {name}", *journal, sandbox=sandbox, capsys=capsys)
    output = tmp_path / "report.html"
    ended = in_process("bulk", "report", *journal, "--output", output, capsys=capsys)
    assert ended.code == 4, "as `bulk status`"
    text = checked(output.read_text())
    counts = cells(text)
    assert counts["sent"] == 16
    assert counts["opted out, not sent"] == 2
    assert sum(number for name, number in counts.items() if name != "total") == counts["total"] == 20
    assert "1 message may have been sent" in text
    assert "<td>1002</td><td>1</td>" in text
    assert not re.search(r"9123\d{4}|Name\d|Hi ", text), "no number and no text"
    again = in_process("bulk", "report", *journal, "--output", output, capsys=capsys)
    assert (again.code, "--force" in again.err) == (2, True)
    forced = in_process("bulk", "report", *journal, "--output", output, "--force", "--json", capsys=capsys)
    assert (forced.code, '"total": 20' in forced.out) == (4, True)
    over = in_process("bulk", "report", *journal, "--output", tmp_path / "run.db", "--force", capsys=capsys)
    assert over.code == 2, "never over the journal"


@pytest.mark.parametrize(
    ("seconds", "step", "bars"),
    [([0], 1, 1), ([0, 59], 1, 60), ([0, 60], 5, 13), ([3, 3_600], 300, 13), ([0, 86_400 * 30], 86_400, 31)],
)
def test_the_bars_add_up_whatever_the_time_between(seconds: list[int], step: int, bars: int) -> None:
    figures = Figures(accepted=Counter(seconds))
    found, columns = figures.bars()
    if seconds == [3, 3_600]:
        assert len(columns) <= 60
    else:
        assert (found, len(columns)) == (step, bars)
    assert sum(number for _, number in columns) == len(seconds)


def test_an_empty_campaign_and_an_odd_name_have_a_page() -> None:
    nothing = Status(total=0, sent=0, rejected=0, failed=0, unknown=0, not_sent=0)
    text = checked(page("<script>alert(1)</script>&.db", nothing, Figures(), MADE))
    assert "&lt;script&gt;" in text
    assert "Nothing." in text
