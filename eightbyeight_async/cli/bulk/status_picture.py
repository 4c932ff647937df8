"""The picture of a campaign on a terminal, below the line of `bulk status`: the report in a compact form. Pure.

If the terminal's encoding has no block characters, `#` is used instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eightbyeight_async.bulk.showing.figures import OUTCOMES, duration_of, money
from eightbyeight_async.bulk.showing.page_html import STATES
from eightbyeight_async.bulk.showing.plots import moment
from eightbyeight_async.cli.bulk.words import plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eightbyeight_async.bulk import Deliveries, Status
    from eightbyeight_async.bulk.showing.figures import Figures

__all__ = ["LARGEST", "picture"]

LARGEST = 200_000  # Up to this many messages the picture reads each message, which takes about a second.
_BLOCKS = " ▁▂▃▄▅▆▇█"
_FULL = "█"
_NAMES = 40  # width, in columns of the terminal, of names, numbers and shares
_MOST_LINES = 8  # the most lines for countries, and for reasons


def picture(status: Status, arrived: Deliveries, figures: Figures | None, *, width: int, encoding: str) -> list[str]:
    """Returns the lines of the picture.

    Args:
        status: the counts.
        arrived: what became of the accepted messages.
        figures: sums of all messages; None: there are too many messages to read.
        width: columns of the terminal.
        encoding: encoding of the terminal.
    """
    room = max(width - _NAMES, 8)
    counts, deliveries = status.as_dict(), arrived.as_dict()
    lines = list(_bars([(name, counts[key]) for key, name in STATES.items()], status.total, room))
    if arrived.known:
        lines.append("")
        lines += _bars([(name, int(str(deliveries[key]))) for key, name in OUTCOMES.items()], arrived.accepted, room)
    if figures is None:
        lines += ["", "`bulk report` shows times, countries and reasons"]
    else:
        lines += _times(figures)
        lines += _countries(figures) if arrived.known else []
        lines += _reasons(figures)
    if not _has_blocks(encoding):
        lines = [line.translate({ord(block): "#" for block in _BLOCKS[1:]}) for line in lines]
    return [line if len(line) <= width else f"{line[: width - 3]}..." for line in lines]


def _has_blocks(encoding: str) -> bool:
    try:
        _BLOCKS.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _bars(counts: Sequence[tuple[str, int]], total: int, room: int) -> Iterator[str]:
    for name, number in counts:
        if number:
            bar = _FULL * max(1, round(room * number / total))
            yield f"{_name(name)} {number:>10,}  {bar} {100 * number / total:.1f} %"


def _name(name: str) -> str:
    short = name.partition(":")[0]
    return f"{short[:19]:<19}"


def _times(figures: Figures) -> list[str]:
    step, bars = figures.bars()
    if not bars:
        return []
    most = max(max(accepted, arrived) for _, accepted, arrived in bars)
    lines = ["", f"{moment(bars[0][0])} to {moment(bars[-1][0] + step)}, {duration_of(step)} a column"]
    lines.append(f"{'accepted':<10} {_row([accepted for _, accepted, _ in bars], most)}")
    if figures.arrived:
        lines.append(f"{'delivered':<10} {_row([arrived for _, _, arrived in bars], most)}")
    half, nearly = figures.delivered_within(0.5), figures.delivered_within(0.95)
    if half is not None and nearly is not None:
        lines.append(f"half of them arrived within {duration_of(half)}, 95 % within {duration_of(nearly)}")
    return lines


def _row(numbers: Sequence[int], most: int) -> str:
    """Returns one column for each number: empty for 0, at least the lowest block for any other number."""
    return "".join(_BLOCKS[-(-number * (len(_BLOCKS) - 1) // most)] for number in numbers)


def _countries(figures: Figures) -> list[str]:
    ordered = sorted(figures.countries.items(), key=lambda pair: (-pair[1].messages, pair[0]))
    lines = [""]
    for country, group in ordered[:_MOST_LINES]:
        there = group.outcomes["read"] + group.outcomes["delivered"] + group.outcomes["with_operator"]
        cost = money(group.prices)
        lines.append(f"{country or 'not known':<10} {there:,} of {group.messages:,} arrived" + (cost and f", {cost}"))
    if len(ordered) > _MOST_LINES:
        lines.append(f"and {plural(len(ordered) - _MOST_LINES, 'country').replace('countrys', 'countries')} more")
    return lines


def _reasons(figures: Figures) -> list[str]:
    found = [
        (f"{state}: {'no code' if code is None else f'code {code}'}", number)
        for (state, code), number in figures.codes.most_common()
    ]
    found += [
        (f"undelivered: {words or 'not told'}{f' (code {code})' if code else ''}", number)
        for (code, words), number in figures.ordered_reasons()
    ]
    lines = [f"{number:,} {name}" for name, number in found[:_MOST_LINES]]
    if rest := sum(number for _, number in found[_MOST_LINES:]):
        lines.append(f"{rest:,} for other reasons")
    return ["", *lines] if lines else []
