"""The page of a campaign: one self-contained HTML file, for light and dark screens and for paper. Pure.

It shows counts, times, prices and error codes, and no phone number, text or key.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from eightbyeight_async.bulk.judging.deliveries import Deliveries
from eightbyeight_async.bulk.showing.figures import MORE, OUTCOMES, duration_of, money
from eightbyeight_async.bulk.showing.plots import columns, moment, over_time, shares

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from decimal import Decimal

    from eightbyeight_async.bulk.report import Status
    from eightbyeight_async.bulk.showing.figures import Figures, Group

__all__ = ["STATES", "page"]

STATES = {
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
_MOST_ROWS = 40  # the most rows of a table; one more row sums up the rest, so that the total is right


def page(name: str, status: Status, figures: Figures, made: datetime, deliveries: Deliveries | None = None) -> str:
    """Returns the HTML of the page.

    Args:
        name: name of the journal.
        status: the counts of the journal.
        figures: the sums of its messages.
        made: when the page is made.
        deliveries: what became of the accepted messages; None: nothing is known.
    """
    title = f"Campaign {escape(name)}"
    arrived = deliveries or Deliveries()
    parts = [
        f"<h1>{title}</h1>",
        f"<p>{_count(status.total, 'message')}; as of {moment(made.timestamp())}"
        + (f"; {_count(len(figures.batches), 'batch', 'batches')}" if figures.batches else "")
        + ".</p>",
        _states(status),
        _to_do(status, arrived),
        _deliveries(arrived) if arrived.known else "",
        _plot(figures),
        _delivery_times(figures),
        _places(figures) if arrived.known else "",
        _refusals(figures),
        _reasons(figures),
    ]
    return _PAGE.format(title=title, style=_STYLE, body="\n".join(part for part in parts if part))


def _states(status: Status) -> str:
    counts = status.as_dict()
    shown = [(key, name, counts[key]) for key, name in STATES.items()]
    label = "shares of the states; the table below has the numbers"
    rows = [_share_row(key, name, number, status.total) for key, name, number in shown if number or key == "sent"]
    total = f'<tr class="total"><th scope="row">total</th><td>{status.total:,}</td><td></td></tr>'
    return f"<h2>What became of the messages</h2>{shares(shown, label)}<table>{''.join(rows)}{total}</table>"


def _share_row(kind: str, name: str, number: int, total: int) -> str:
    share = f"{100 * number / total:.1f} %" if total else ""
    return f'<tr><th scope="row"><i class="{kind}"></i>{name}</th><td>{number:,}</td><td>{share}</td></tr>'


def _to_do(status: Status, arrived: Deliveries) -> str:
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
    if arrived.no_news + arrived.on_its_way:
        many = _count(arrived.no_news + arrived.on_its_way, "accepted message")
        told.append(f"Of {many} it is not known whether they arrived: <code>bulk deliveries</code> asks 8x8.")
    if arrived.undelivered:
        told.append(
            f"{_count(arrived.undelivered, 'message')} not delivered: see the reasons. "
            "<code>--resend-undelivered</code> sends them again, as a campaign of its own."
        )
    items = "".join(f"<li>{one}</li>" for one in told)
    return f"<h2>What to do</h2><ul>{items or '<li>Nothing.</li>'}</ul>"


def _deliveries(found: Deliveries) -> str:
    counts = found.as_dict()
    shown = [(key, name, int(str(counts[key]))) for key, name in OUTCOMES.items()]
    label = "shares of the deliveries; the table below has the numbers"
    rows = [_share_row(key, name, number, found.accepted) for key, name, number in shown if number]
    total = f'<tr class="total"><th scope="row">accepted</th><td>{found.accepted:,}</td><td></td></tr>'
    cost = ""
    if found.priced:
        of = "" if found.priced == found.accepted else f" The price of {_count(found.priced, 'message')} is known."
        cost = f"<p>{_count(found.parts, 'part')}; cost: <b>{escape(money(found.prices))}</b>.{of}</p>"
    return f"<h2>Deliveries</h2>{shares(shown, label)}<table>{''.join(rows)}{total}</table>{cost}"


def _plot(figures: Figures) -> str:
    step, bars = figures.bars()
    if not bars:
        return ""
    both = '<i class="sent"></i>accepted <i class="delivered"></i>delivered' if figures.arrived else "accepted"
    return f"<h2>Over time</h2><p>{both}; a bar is {duration_of(step)}.</p>{over_time(bars, step)}"


def _delivery_times(figures: Figures) -> str:
    half, most = figures.delivered_within(0.5), figures.delivered_within(0.95)
    if half is None or most is None:
        return ""
    label = "messages by the time from acceptance to delivery"
    return (
        f"<h2>Delivery times</h2><p>Half of those that arrived did so within {duration_of(half)}, 95 % within "
        f"{duration_of(most)}, counted from their acceptance or their schedule.</p>"
        f"{columns(figures.delivery_times(), label)}"
    )


def _places(figures: Figures) -> str:
    countries = [(country or "not known", group) for country, group in figures.countries.items()]
    tables = f"<h2>By country</h2>{_groups(countries)}"
    known = [(country, operator, group) for (country, operator), group in figures.operators.items()]
    if any(operator for _, operator, _ in known):
        named = [(f"{country} {operator}".strip() or "not known", group) for country, operator, group in known]
        tables += f"<h2>By operator</h2>{_groups(named)}"
    return tables


def _groups(groups: Iterable[tuple[str, Group]]) -> str:
    """A table of groups, with a total."""
    ordered = sorted(groups, key=lambda pair: (-pair[1].messages, pair[0]))
    shown, rest = ordered[:_MOST_ROWS], [group for _, group in ordered[_MOST_ROWS:]]
    names = [(key, name) for key, name in OUTCOMES.items() if any(group.outcomes[key] for _, group in ordered)]
    head = "".join(
        f'<th scope="col">{name}</th>' for name in ("messages", *(name for _, name in names), "parts", "cost")
    )
    lines = [_group_row(escape(name), [group], names) for name, group in shown]
    if rest:
        lines.append(_group_row(f"{len(rest):,} others", rest, names))
    lines.append(_group_row("total", [group for _, group in ordered], names, kind=' class="total"'))
    return f'<div><table class="wide"><tr><th></th>{head}</tr>{"".join(lines)}</table></div>'


def _group_row(name: str, groups: Sequence[Group], names: Sequence[tuple[str, str]], kind: str = "") -> str:
    prices: dict[str, Decimal] = {}
    for group in groups:
        for currency, amount in group.prices.items():
            prices[currency] = prices[currency] + amount if currency in prices else amount
    numbers = [sum(group.messages for group in groups)]
    numbers += [sum(group.outcomes[key] for group in groups) for key, _ in names]
    numbers.append(sum(group.parts for group in groups))
    cells = "".join(f"<td>{number:,}</td>" for number in numbers)
    return f'<tr{kind}><th scope="row">{name}</th>{cells}<td>{escape(money(prices))}</td></tr>'


def _refusals(figures: Figures) -> str:
    if not figures.codes:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{escape(state)}</th><td>{"none" if code is None else code}</td><td>{number:,}</td></tr>'
        for (state, code), number in figures.codes.most_common()
    )
    head = "<tr><th>state</th><th>code of 8x8</th><th>messages</th></tr>"
    return f"<h2>Why 8x8 refused messages</h2><table>{head}{rows}</table>"


def _reasons(figures: Figures) -> str:
    if not figures.reasons:
        return ""
    found = figures.ordered_reasons()
    rows = [
        f'<tr><th scope="row">{escape(words) or "not told"}</th><td>{escape(code) or "none"}</td>'
        f"<td>{number:,}</td></tr>"
        for (code, words), number in found[:_MOST_ROWS]
    ]
    if rest := sum(number for _, number in found[_MOST_ROWS:]):
        rows.append(f'<tr><th scope="row">{MORE} reasons</th><td></td><td>{rest:,}</td></tr>')
    total = f'<tr class="total"><th scope="row">total</th><td></td><td>{figures.reasons.total():,}</td></tr>'
    head = "<tr><th>reason</th><th>code</th><th>messages</th></tr>"
    return f"<h2>Why messages were not delivered</h2><table>{head}{''.join(rows)}{total}</table>"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


_STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1f; --paper: #ffffff; --line: #c8c8d0; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececf1; --paper: #17171c; --line: #45454f; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 46rem;
  margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; } th, td { border-bottom: 1px solid var(--line); padding: .3rem .5rem; }
th { text-align: left; font-weight: normal; } td { text-align: right; font-variant-numeric: tabular-nums; }
tr:first-child th:not(:first-child) { text-align: right; } .wide { font-size: .85em; } div { overflow-x: auto; }
.total th, .total td { font-weight: bold; } svg { width: 100%; height: auto; }
text { fill: var(--ink); font: 11px system-ui, sans-serif; }
i { display: inline-block; width: .8em; height: .8em; margin-right: .5em; }
.sent { fill: #3f74c4; background: #3f74c4; } .waiting { fill: #8d9bd8; background: #8d9bd8; }
.cancelled { fill: #85858f; background: #85858f; } .rejected { fill: #c98a16; background: #c98a16; }
.failed { fill: #c0392b; background: #c0392b; } .in_flight { fill: #17a2b8; background: #17a2b8; }
.unknown { fill: #9b3fb5; background: #9b3fb5; } .opted_out { fill: #6c7a89; background: #6c7a89; }
.not_sent { fill: #b0b0ba; background: #b0b0ba; } .read { fill: #1d5c38; background: #1d5c38; }
.delivered { fill: #2f7d4f; background: #2f7d4f; } .with_operator { fill: #6fae86; background: #6fae86; }
.undelivered { fill: #c0392b; background: #c0392b; } .on_its_way { fill: #8d9bd8; background: #8d9bd8; }
.no_news { fill: #b0b0ba; background: #b0b0ba; }
@media print { body { margin: 0; max-width: none; } h2 { break-after: avoid; } tr, svg { break-inside: avoid; }
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
