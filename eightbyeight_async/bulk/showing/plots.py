"""Plots of numbers as SVG, for the page of a campaign. Pure. The colours are CSS classes of the page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from eightbyeight_async.bulk.showing.figures import duration_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["columns", "moment", "over_time", "shares"]

_WIDTH, _HEIGHT = 720, 160
_LABELS = 20  # height of the labels below a plot


def shares(counts: Sequence[tuple[str, str, int]], label: str) -> str:
    """Returns one bar, divided into shares. Each share has a class, a name and a number. Empty if there are none."""
    total, bars, x = sum(number for _, _, number in counts), [], 0.0
    for kind, name, number in counts:
        if number:
            width = _WIDTH * number / total
            bars.append(
                f'<rect class="{kind}" x="{x:.2f}" y="0" width="{width:.2f}" height="24">'
                f"<title>{name}: {number:,}</title></rect>"
            )
            x += width
    return _svg(24, label, bars) if bars else ""


def over_time(bars: Sequence[tuple[int, int, int]], step: int) -> str:
    """Returns two bars for each span of time: accepted and arrived. Labels: the highest number, begin and end."""
    most = max(max(one, other) for _, one, other in bars)
    width, shapes = _WIDTH / len(bars), []
    for at, (begin, *numbers) in enumerate(bars):
        for beside, (kind, name, number) in enumerate(zip(("sent", "delivered"), _NAMES, numbers, strict=True)):
            if number:
                high = (_HEIGHT - _LABELS) * number / most
                shapes.append(
                    f'<rect class="{kind}" x="{(at + beside * 0.48) * width:.2f}" y="{_HEIGHT - high:.2f}" '
                    f'width="{max(width * 0.46, 0.4):.2f}" height="{high:.2f}">'
                    f"<title>{moment(begin)}, {duration_of(step)}: {number:,} {name}</title></rect>"
                )
    shapes += [
        f'<text x="0" y="12">{most:,}</text>',
        f'<text x="0" y="{_HEIGHT + 15}">{moment(bars[0][0])}</text>',
        f'<text x="{_WIDTH}" y="{_HEIGHT + 15}" text-anchor="end">{moment(bars[-1][0] + step)}</text>',
    ]
    return _svg(_HEIGHT + _LABELS, "messages accepted and delivered over time", shapes)


_NAMES = ("accepted", "delivered")


def columns(counts: Sequence[tuple[str, int]], label: str) -> str:
    """Returns columns, each with its name below and its number above."""
    most = max(number for _, number in counts)
    width, shapes = _WIDTH / len(counts), []
    for at, (name, number) in enumerate(counts):
        high = (_HEIGHT - _LABELS) * number / most
        middle = (at + 0.5) * width
        shapes += [
            f'<rect class="delivered" x="{at * width + 4:.2f}" y="{_HEIGHT - high:.2f}" width="{width - 8:.2f}" '
            f'height="{high:.2f}"><title>{name}: {number:,}</title></rect>',
            f'<text x="{middle:.2f}" y="{_HEIGHT - high - 4:.2f}" text-anchor="middle">{number:,}</text>',
            f'<text x="{middle:.2f}" y="{_HEIGHT + 15}" text-anchor="middle">{name}</text>',
        ]
    return _svg(_HEIGHT + _LABELS, label, shapes)


def moment(seconds: float) -> str:
    """`2026-11-26 12:00:00 UTC`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _svg(height: int, label: str, shapes: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{label}">{"".join(shapes)}</svg>'
