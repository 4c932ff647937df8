"""What a command that sends a file is asked for, and the first reading: every row is checked, nothing is sent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import attrs

from eightbyeight_async.cli.exit_codes import UsageError
from eightbyeight_async.cli.reading.check_rows import Checked, check
from eightbyeight_async.cli.reading.csv_rows import CsvRows
from eightbyeight_async.cli.reading.input_file import format_of
from eightbyeight_async.cli.reading.jsonl_rows import JsonlRows
from eightbyeight_async.cli.reading.row_to_request import Recipe
from eightbyeight_async.cli.reading.text_template import TextTemplate
from eightbyeight_async.cli.terminal.loop_and_signals import now
from eightbyeight_async.models.privacy import masked_digits
from eightbyeight_async.text import MAX_PARTS, TextPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from eightbyeight_async.cli.reading.input_file import Source
    from eightbyeight_async.cli.terminal.display import Show
    from eightbyeight_async.models.sms import SmsRequest

__all__ = ["Order", "plan_file", "rows_of"]

_UNUSED_SHOWN = 8
_SEPARATORS = {"tab": "\t", "\\t": "\t"}


@attrs.frozen(kw_only=True)
class Order:
    """What is asked for.

    Attributes:
        file: path, `-` for stdin.
        text: the template of `--text`.
        defaults: field values for rows that leave them out.
        format, separator: None: found out.
        long_text: what to do with a text of more than 10 parts.
        mode: a POST a row, or one for `chunk_size` of them.
        concurrency: requests in flight.
        rate: requests a second; None: as fast as they go.
        output: where records go; None: stdout.
        force: `output` may be overwritten.
        include_private: records hold numbers and texts.
    """

    file: str
    text: str | None = None
    defaults: Mapping[str, object] = attrs.field(factory=dict)
    format: str | None = None
    separator: str | None = None
    long_text: TextPolicy = attrs.field(default=TextPolicy.WARN, converter=TextPolicy)
    mode: Literal["each", "batch"] = "each"
    chunk_size: int = 1
    concurrency: int = 50
    rate: float | None = None
    output: Path | None = None
    force: bool = False
    include_private: bool = False


def rows_of(order: Order) -> CsvRows | JsonlRows:
    """
    Raises:
        UsageError: template, format or separator make no sense.
    """
    template = None if order.text is None else TextTemplate.parse(order.text)
    recipe = Recipe(template=template, defaults=order.defaults, now=now, long_text=order.long_text)
    if format_of(order.file, order.format) == "jsonl":
        return JsonlRows(recipe)
    separator = _SEPARATORS.get(order.separator or "", order.separator)
    if separator is not None and (len(separator) != 1 or separator in '"\r\n'):
        raise UsageError("--delimiter: must be one character, or the word tab")
    return CsvRows(recipe, separator)


def plan_file(
    source: Source,
    rows: CsvRows | JsonlRows,
    show: Show,
    look: Callable[[SmsRequest], object] = lambda _: None,
    *,
    allow_late: bool = False,
) -> Checked:
    """Checks every row and says what is wrong, or worth knowing. `look`, `allow_late`: as for `check`."""
    with show.checking(source.name, source.size) as progress:
        source.lines.on_block = progress
        checked = check(rows.read(source.lines.first()), look, allow_late=allow_late)
    source.lines.on_block = lambda _: None
    for complaint in checked.complaints:
        show.error(f"{source.name}:{complaint}")
    if checked.wrong > len(checked.complaints):
        show.error(f"{source.name}: and {checked.wrong - len(checked.complaints):,} more")
    if checked.wrong:
        show.error(f"{'1 problem' if checked.wrong == 1 else f'{checked.wrong:,} problems'}; nothing was sent")
        return checked
    if rows.unused:
        names = ", ".join(masked_digits(name) for name in rows.unused[:_UNUSED_SHOWN])
        more = f" and {len(rows.unused) - _UNUSED_SHOWN} more" if len(rows.unused) > _UNUSED_SHOWN else ""
        show.note(f"columns that nothing is made of: {names}{more}")
    for column, count in checked.blanks.items():
        show.note(f"{{{column}}} is empty in {count:,} of {checked.rows:,} rows")
    if checked.long:
        places = _places(checked.long, checked.long_rows)
        show.note(f"texts of more than {MAX_PARTS} parts, which the platform truncates, in {places}")
    if checked.late:
        places = _places(checked.late, checked.late_rows)
        show.note(f"times that have passed, in {places}; those of them that are not settled yet are not sent")
    return checked


def _places(count: int, rows: list[int]) -> str:
    """`1 row: 7`, `12 rows: 1, 5, 9, 10, 11, ...`."""
    first = ", ".join(f"{row:,}" for row in rows)
    more = ", ..." if count > len(rows) else ""
    return f"{'1 row' if count == 1 else f'{count:,} rows'}: {first}{more}"
