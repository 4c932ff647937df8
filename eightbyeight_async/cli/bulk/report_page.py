"""The page of `bulk report`: one HTML file with everything in it, for light and dark screens and for paper. Pure.

It has counts, times and error codes, and no number, text or key.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING

import attrs

from eightbyeight_async.bulk.judging.outcomes import State

if TYPE_CHECKING:
    from eightbyeight_async.bulk import MessageRow, Status

__all__ = ["Figures", "page"]

# Lengths of a bar's time in seconds; the first with which there are at most 60 bars is taken.
_STEPS = (1, 5, 15, 60, 300, 900, 3_600, 4 * 3_600, 86_400, 7 * 86_400)
_MOST_BARS = 60
_WIDTH, _HEIGHT = 720, 160  # of the plot
_NAMES = {
    "sent": "sent",
    "waiting": "waiting for their time",
    "cancelled": "cancelled",
    "rejected": "rejected by 8x8",
    "failed": "refused by 8x8 with an error",
    "in_flight": "in flight",
    "unknown": "unknown: may have been sent",
    "opted_out": "opted out, not sent",
    "not_sent": "not sent",
}


@attrs.define
class Figures:
    """What the page shows of the messages; give it each row of the journal.

    Attributes:
        accepted: number of messages that 8x8 accepted, by second since 1970.
        codes: number of messages by state and error code; code None: there is none.
        batches: ids of batches.
    """

    accepted: Counter[int] = attrs.field(factory=Counter)
    codes: Counter[tuple[str, int | None]] = attrs.field(factory=Counter)
    batches: set[str] = attrs.field(factory=set)

    def add(self, row: MessageRow) -> None:
        """Takes the next row."""
        if row.batch_id is not None:
            self.batches.add(row.batch_id)
        if row.state is State.SENT and row.at is not None:
            self.accepted[int(row.at)] += 1
        elif row.state in (State.REJECTED, State.FAILED):
            self.codes[row.state.word, row.code] += 1

    def bars(self) -> tuple[int, list[tuple[int, int]]]:
        """The seconds of a bar, and begin and number of each bar, those without a message included."""
        if not self.accepted:
            return _STEPS[0], []
        first, last = min(self.accepted), max(self.accepted)
        step = next((one for one in _STEPS if last // one - first // one < _MOST_BARS), _STEPS[-1])
        counts: Counter[int] = Counter()
        for second, number in self.accepted.items():
            counts[second // step * step] += number
        return step, [(begin, counts[begin]) for begin in range(first // step * step, last + 1, step)]


def page(name: str, status: Status, figures: Figures, made: datetime) -> str:
    """The whole page.

    Args:
        name: of the journal.
        status: the counts of the journal.
        figures: of its messages.
        made: when the page is made.
    """
    title = f"Campaign {escape(name)}"
    parts = [
        f"<h1>{title}</h1>",
        f"<p>{_count(status.total, 'message')}; as of {_time(made.timestamp())}"
        + (f"; {_count(len(figures.batches), 'batch', 'batches')}" if figures.batches else "")
        + ".</p>",
        _share(status),
        _states(status),
        _doubts(status),
        _plot(figures),
        _reasons(figures),
    ]
    return _PAGE.format(title=title, style=_STYLE, body="\n".join(part for part in parts if part))


def _states(status: Status) -> str:
    counts = status.as_dict()
    rows = "".join(
        f'<tr><th scope="row"><i class="{key}"></i>{name}</th><td>{counts[key]:,}</td>'
        f"<td>{_percent(counts[key], status.total)}</td></tr>"
        for key, name in _NAMES.items()
        if counts[key] or key == "sent"
    )
    total = f'<tr class="total"><th scope="row">total</th><td>{status.total:,}</td><td></td></tr>'
    return f"<h2>What became of the messages</h2><table>{rows}{total}</table>"


def _share(status: Status) -> str:
    counts, bars, x = status.as_dict(), [], 0.0
    for key, name in _NAMES.items():
        if counts[key]:
            width = _WIDTH * counts[key] / status.total
            told = f"{name}: {counts[key]:,}"
            bars.append(
                f'<rect class="{key}" x="{x:.2f}" y="0" width="{width:.2f}" height="24"><title>{told}</title></rect>'
            )
            x += width
    label = "shares of the states; the table below has the numbers"
    return f'<svg viewBox="0 0 {_WIDTH} 24" role="img" aria-label="{label}">{"".join(bars)}</svg>' if bars else ""


def _doubts(status: Status) -> str:
    told = []
    if status.unknown:
        told.append(
            f"{_count(status.unknown, 'message')} may have been sent. <code>bulk unknown</code> lists them, "
            "<code>bulk reconcile</code> looks them up in 8x8's log. Until then they are not sent again."
        )
    if status.not_sent:
        told.append(f"{_count(status.not_sent, 'message')} not sent: the same <code>bulk run</code> sends them.")
    if status.rejected or status.failed:
        told.append("8x8 refused messages: see the reasons. <code>--resend-failed</code> sends them again.")
    items = "".join(f"<li>{one}</li>" for one in told)
    return f"<h2>What to do</h2><ul>{items or '<li>Nothing.</li>'}</ul>"


def _plot(figures: Figures) -> str:
    step, bars = figures.bars()
    if not bars:
        return ""
    most = max(number for _, number in bars)
    width = _WIDTH / len(bars)
    shapes = "".join(
        f'<rect class="sent" x="{at * width:.2f}" y="{_HEIGHT - _HEIGHT * number / most:.2f}" '
        f'width="{max(width - 1, 0.5):.2f}" height="{_HEIGHT * number / most:.2f}">'
        f"<title>{_time(begin)}: {number:,}</title></rect>"
        for at, (begin, number) in enumerate(bars)
    )
    begins = _count(step, "second") if step < 60 else _count(step // 60, "minute")
    return (
        f"<h2>Accepted over time</h2><p>From {_time(bars[0][0])} to {_time(bars[-1][0] + step)}; a bar is {begins}, "
        f"the highest is {_count(most, 'message')}.</p>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="messages accepted over time">{shapes}</svg>'
    )


def _reasons(figures: Figures) -> str:
    if not figures.codes:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{escape(state)}</th><td>{"none" if code is None else code}</td><td>{number:,}</td></tr>'
        for (state, code), number in figures.codes.most_common()
    )
    head = "<tr><th>state</th><th>code of 8x8</th><th>messages</th></tr>"
    return f"<h2>Reasons</h2><table>{head}{rows}</table>"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _percent(number: int, total: int) -> str:
    return f"{100 * number / total:.1f} %" if total else ""


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


_STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1f; --paper: #ffffff; --line: #c8c8d0; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececf1; --paper: #17171c; --line: #45454f; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 46rem;
  margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; } th, td { border-bottom: 1px solid var(--line); padding: .3rem .5rem; }
th { text-align: left; font-weight: normal; } td { text-align: right; font-variant-numeric: tabular-nums; }
.total th, .total td { font-weight: bold; } svg { width: 100%; height: auto; }
i { display: inline-block; width: .8em; height: .8em; margin-right: .5em; }
.sent { fill: #2f7d4f; background: #2f7d4f; } .waiting { fill: #3f74c4; background: #3f74c4; }
.cancelled { fill: #85858f; background: #85858f; } .rejected { fill: #c98a16; background: #c98a16; }
.failed { fill: #c0392b; background: #c0392b; } .in_flight { fill: #17a2b8; background: #17a2b8; }
.unknown { fill: #9b3fb5; background: #9b3fb5; } .opted_out { fill: #6c7a89; background: #6c7a89; }
.not_sent { fill: #b0b0ba; background: #b0b0ba; }
@media print { body { margin: 0; max-width: none; } h2 { break-after: avoid; }
  rect, i { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""
