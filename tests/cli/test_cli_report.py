"""`bulk report`: one page with correct totals, without network, numbers and texts."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import attrs
import pytest
from cli.command_line import in_process

from eightbyeight_async.bulk import Deliveries, MessageRow, State, Status, campaign_page, deliveries, read_rows, status
from eightbyeight_async.bulk import Delivery as DeliveryOf
from eightbyeight_async.bulk.showing.campaign_page import figures_of
from eightbyeight_async.bulk.showing.figures import Figures, money
from eightbyeight_async.bulk.showing.page_html import page
from eightbyeight_async.cli.bulk.status_picture import picture
from eightbyeight_async.sandbox import Fault
from eightbyeight_async.sandbox.messages.delivery_status import Delivery

if TYPE_CHECKING:
    from pathlib import Path

    from eightbyeight_async.sandbox import Sandbox

MADE = datetime(2026, 11, 26, tzinfo=UTC)
VOID = {"meta"}


class Balanced(HTMLParser):
    """Fails if a tag is not closed, and collects the addresses that a page would load."""

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
    for plot in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        ET.fromstring(plot)  # noqa: S314 - our own
    return text


def cells(text: str) -> dict[str, int]:
    """Returns the table of the states."""
    return shares(text, "What became of the messages")


def shares(text: str, title: str) -> dict[str, int]:
    """Returns the table of shares below a title."""
    row = r'<th scope="row">(?:<i class="\w+"></i>)?([^<]+)</th><td>([\d,]+)</td><td>[^<]*</td>'
    found = re.findall(row, table(text, title))
    return {name: int(number.replace(",", "")) for name, number in found}


def table(text: str, title: str) -> str:
    return text.partition(f"<h2>{title}</h2>")[2].partition("</table>")[0]


def sums(text: str, title: str) -> tuple[list[str], list[int], dict[str, list[int]]]:
    """Returns a table of groups: its columns, its total, and its other rows, without the cost."""
    found = table(text, title)
    heads = re.findall(r'<th scope="col">([^<]+)</th>', found)
    rows = {
        name: [int(cell.replace(",", "")) for cell in re.findall(r"<td>([\d,]+)</td>", cells)[: len(heads) - 1]]
        for name, cells in re.findall(r'<th scope="row">([^<]+)</th>(.*?)</tr>', found)
    }
    return heads, rows.pop("total"), rows


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
    assert sum(number for _, number, _ in columns) == len(seconds)


def test_an_empty_campaign_and_an_odd_name_have_a_page() -> None:
    nothing = Status(total=0, sent=0, rejected=0, failed=0, unknown=0, not_sent=0)
    text = checked(page("<script>alert(1)</script>&.db", nothing, Figures(), MADE))
    assert "&lt;script&gt;" in text
    assert "Nothing." in text


FATES = ["delivered", "delivered_to_operator", "undelivered", "rejected_by_operator", "unconfirmed"]


@pytest.fixture
def delivered(sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The journal of 20 messages to two countries, with every kind of delivery."""
    numbers = [f"+{'65912345' if n % 2 else '44770090'}{n:04}" for n in range(20)]
    for n, number in enumerate(numbers):
        sandbox.deliveries.on_destination(number, Delivery(outcome=FATES[n % 5], final_after=n % 3 * 40.0))  # type: ignore[arg-type]
    (tmp_path / "people.csv").write_text("\n".join(["destination,text", *(f"{n},Hello you" for n in numbers)]))
    journal = tmp_path / "run.db"
    words = ("--journal", journal)
    in_process("bulk", "run", tmp_path / "people.csv", *words, sandbox=sandbox, capsys=capsys)
    sandbox.clock.advance(120)
    in_process("bulk", "deliveries", *words, sandbox=sandbox, capsys=capsys)
    return journal


def test_the_totals_of_every_table_add_up(delivered: Path) -> None:
    text, known = checked(campaign_page(delivered, now=MADE)), deliveries(delivered)
    counts = shares(text, "Deliveries")
    assert counts == {
        "delivered": 4, "with the operator": 4, "undelivered": 8, "on their way": 4, "accepted": 20,
    }  # fmt: skip
    for title, groups in (("By country", {"SG", "GB"}), ("By operator", None)):
        heads, total, rows = sums(text, title)
        assert heads == ["messages", "delivered", "with the operator", "undelivered", "on their way", "parts", "cost"]
        assert groups in (None, rows.keys())
        assert [sum(column) for column in zip(*rows.values(), strict=True)] == total == [20, 4, 4, 8, 4, 20]
        assert all(row[0] == sum(row[1:-1]) for row in rows.values())
        assert table(text, title).count(money(known.prices)) == 1, "the total of the cost"
    assert re.findall(r"<td>(\d+)</td><td>(\d+)</td>", table(text, "Why messages were not delivered")) == [
        ("14", "4"),
        ("15", "4"),
    ]
    assert "8 messages not delivered: see the reasons" in text
    assert "Of 4 accepted messages it is not known whether they arrived" in text
    figures = figures_of(read_rows(delivered))
    assert sum(arrived for _, _, arrived in figures.bars()[1]) == sum(n for _, n in figures.delivery_times()) == 8
    assert not re.search(r"9123\d{4}|77009\d|Hello", text), "no number and no text"


def test_the_terminal_has_the_same_in_a_compact_form(delivered: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = in_process("bulk", "status", "--journal", delivered, capsys=capsys)
    assert len(plain.out.splitlines()) == 2, "a pipe gets the lines alone"
    found, arrived, figures = status(delivered), deliveries(delivered), figures_of(read_rows(delivered))
    lines = picture(found, arrived, figures, width=80, encoding="utf-8")
    assert all(len(line) <= 80 for line in lines)
    told = "\n".join(lines)
    for words in (
        "sent ",
        "undelivered ",
        "40.0 %",
        "accepted ",
        "4 undelivered: the handset cannot be reached",
    ):
        assert words in told, words
    assert re.search(r"GB +\d of 10 arrived, [\d.]+ \w+", told)
    assert not set("\n".join(picture(found, arrived, figures, width=80, encoding="ascii"))) & set("▁▂▃▄▅▆▇█")
    many = picture(found, arrived, None, width=80, encoding="utf-8")
    assert many[-1] == "`bulk report` shows times, countries and reasons"


def test_many_operators_and_reasons_are_one_row_and_still_add_up() -> None:
    figures = Figures()
    for n in range(3_000):
        one = DeliveryOf(umid=f"u{n}", state="undelivered", country="SG", operator=f"<b>{n}", reason=f"&{n}", parts=1)
        figures.add(MessageRow(key=f"k{n}", place=n, state=State.SENT, at=1.0 * n, delivery=one))
    nothing = Status(total=3_000, sent=3_000, rejected=0, failed=0, unknown=0, not_sent=0)
    known = Deliveries(accepted=3_000, undelivered=3_000)
    text = checked(page("run.db", nothing, figures, MADE, known))
    _, total, rows = sums(text, "By operator")
    assert (total[0], len(rows)) == (3_000, 41)
    assert sum(row[0] for row in rows.values()) == 3_000
    reasons = table(text, "Why messages were not delivered")
    assert sum(int(n.replace(",", "")) for n in re.findall(r"<td>([\d,]+)</td></tr>", reasons)) == 2 * 3_000


def test_a_negative_time_of_delivery_is_none() -> None:
    """A negative time is ignored: 8x8's clock and ours differ, and a looked-up message has the time of its look-up."""
    figures = Figures()
    row = MessageRow(key="k", place=0, state=State.SENT, claimed_at=100.0, at=500.0)
    for at in (50.0, 130.0, 500.0):
        figures.add(attrs.evolve(row, delivery=DeliveryOf(umid="u", state="delivered", at=at)))
    assert sorted(figures.took.elements()) == [0, 0, 30]
    assert (figures.delivered_within(0.5), figures.delivered_within(1.0)) == (0, 30)


def test_money_is_exact_and_has_two_decimals() -> None:
    amounts = {"USD": Decimal("1234.5"), "EUR": Decimal("0.0300"), "": Decimal(2), "JPY": Decimal("1E+3")}
    assert money(amounts) == "2.00 + 0.03 EUR + 1,000.00 JPY + 1,234.50 USD"
    assert money({}) == ""
