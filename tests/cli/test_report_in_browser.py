"""The page of `bulk report` in a real browser: Chromium's parsed page, its screenshot, and its print."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import zlib
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from patience import PATIENCE

from eightbyeight_async.bulk import Deliveries, Delivery, MessageRow, State, Status
from eightbyeight_async.bulk.showing.figures import Figures
from eightbyeight_async.bulk.showing.page_html import page

if TYPE_CHECKING:
    from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason=f"none of {', '.join(BROWSERS)} is installed here")


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A page with every section, of 600 messages in two countries."""
    figures = Figures()
    for n in range(600):
        state = ("delivered", "delivered", "sent", "undelivered", "read")[n % 5]
        one = Delivery(
            umid=f"u{n}", state=state, at=1_000.0 + n * 3, country="SG" if n % 3 else "MY", operator=f"<b>Op {n % 4}",
            reason="no & handset" if state == "undelivered" else None, parts=1, price=Decimal("0.03"), currency="EUR",
        )  # fmt: skip
        figures.add(MessageRow(key=f"k{n}", place=n, state=State.SENT, at=990.0 + n, claimed_at=980.0, delivery=one))
    figures.add(MessageRow(key="no", place=600, state=State.FAILED, at=1.0, code=1002))
    status = Status(total=601, sent=600, rejected=0, failed=1, unknown=0, not_sent=0)
    arrived = Deliveries(
        accepted=600, read=120, delivered=240, undelivered=120, on_its_way=120, parts=600, priced=600,
        prices={"EUR": Decimal(18)},
    )  # fmt: skip
    file = tmp_path / "report.html"
    file.write_text(page("run.db", status, figures, datetime(2026, 11, 26, tzinfo=UTC), arrived), encoding="utf-8")
    return file


def chromium(report: Path, *options: str) -> subprocess.CompletedProcess[bytes]:
    assert BROWSER is not None
    words = [
        BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr",
        f"--user-data-dir={report.parent / 'profile'}", *options, report.as_uri(),
    ]  # fmt: skip
    return subprocess.run(words, capture_output=True, timeout=PATIENCE, check=True)  # noqa: S603


def test_the_browser_reads_every_part_and_reports_nothing(report: Path) -> None:
    done = chromium(report, "--dump-dom")
    read = done.stdout.decode()
    for words in ("Over time", "Delivery times", "By country", "By operator", "Why messages were not delivered"):
        assert f"<h2>{words}</h2>" in read
    source = report.read_text(encoding="utf-8")
    for tag in ("table", "svg", "rect", "tr", "td", "h2"):
        assert read.count(f"<{tag}") >= source.count(f"<{tag}"), f"the browser has dropped <{tag}>"
    assert "&lt;b&gt;Op" in read
    assert not re.search(rb"CONSOLE|Refused to", done.stderr), "the browser complained, or wanted to load something"


def photographed(report: Path, *options: str) -> tuple[int, bytes]:
    """Returns the size of the screenshot's file, and the colour of its first pixel."""
    picture = report.with_suffix(".png")
    chromium(report, f"--screenshot={picture}", "--window-size=800,2400", *options)
    data = picture.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == (800, 2400)
    packed, at = b"", 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        packed += data[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    return len(data), zlib.decompress(packed)[1:4]  # after the filter byte, which does not change the first pixel


def test_the_picture_is_that_of_a_page_on_a_light_and_on_a_dark_screen(report: Path) -> None:
    size, paper = photographed(report, "--blink-settings=preferredColorScheme=1")
    assert size > 20_000, "an empty page packs to a few thousand bytes"
    assert paper == bytes.fromhex("ffffff")
    _, dark = photographed(report, "--blink-settings=preferredColorScheme=0")
    assert dark == bytes.fromhex("17171c")


def test_it_prints(report: Path) -> None:
    paper = report.with_suffix(".pdf")
    chromium(report, f"--print-to-pdf={paper}")
    data = paper.read_bytes()
    assert data.startswith(b"%PDF-")
    assert len(data) > 10_000
