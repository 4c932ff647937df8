"""What a command that sends a file is asked for, and the first reading: every row is checked, nothing is sent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import attrs

from eightbyeight_async.cli.exit_codes import UsageError
from eightbyeight_async.cli.reading.check_rows import Checked, check_rows
from eightbyeight_async.cli.reading.csv_rows import CsvRows
from eightbyeight_async.cli.reading.input_file import format_of
from eightbyeight_async.cli.reading.jsonl_rows import JsonlRows
from eightbyeight_async.cli.reading.row_to_request import RowConverter
from eightbyeight_async.cli.reading.text_template import TextTemplate
from eightbyeight_async.cli.terminal.loop_and_signals import now
from eightbyeight_async.models.privacy import masked_digits
from eightbyeight_async.text import MAX_PARTS, TextPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from eightbyeight_async.cli.reading.input_file import InputFile
    from eightbyeight_async.cli.terminal.display import Display
    from eightbyeight_async.models.sms import SmsRequest

__all__ = ["FilePlan", "check_file", "row_reader"]

_UNUSED_SHOWN = 8
_SEPARATORS = {"tab": "\t", "\\t": "\t"}


@attrs.frozen(kw_only=True)
class FilePlan:
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


def row_reader(plan: FilePlan) -> CsvRows | JsonlRows:
    """
    Raises:
        UsageError: template, format or separator make no sense.
    """
    template = None if plan.text is None else TextTemplate.parse(plan.text)
    converter = RowConverter(template=template, defaults=plan.defaults, now=now, long_text=plan.long_text)
    if format_of(plan.file, plan.format) == "jsonl":
        return JsonlRows(converter)
    separator = _SEPARATORS.get(plan.separator or "", plan.separator)
    if separator is not None and (len(separator) != 1 or separator in '"\r\n'):
        raise UsageError("--delimiter: must be one character, or the word tab")
    return CsvRows(converter, separator)


def check_file(
    input_file: InputFile,
    rows: CsvRows | JsonlRows,
    display: Display,
    on_request: Callable[[SmsRequest], object] = lambda _: None,
) -> Checked:
    """Checks every row and says what is wrong, or worth knowing. `on_request`: is shown every message."""
    with display.checking(input_file.name, input_file.size) as progress:
        input_file.lines.on_block = progress
        checked = check_rows(rows.read(input_file.lines.first()), on_request)
    input_file.lines.on_block = lambda _: None
    for problem in checked.problems:
        display.error(f"{input_file.name}:{problem}")
    if checked.wrong > len(checked.problems):
        display.error(f"{input_file.name}: and {checked.wrong - len(checked.problems):,} more")
    if checked.wrong:
        display.error(f"{'1 problem' if checked.wrong == 1 else f'{checked.wrong:,} problems'}; nothing was sent")
        return checked
    if rows.unused:
        names = ", ".join(masked_digits(name) for name in rows.unused[:_UNUSED_SHOWN])
        more = f" and {len(rows.unused) - _UNUSED_SHOWN} more" if len(rows.unused) > _UNUSED_SHOWN else ""
        display.note(f"columns that nothing is made of: {names}{more}")
    for column, count in checked.blanks.items():
        display.note(f"{{{column}}} is empty in {count:,} of {checked.rows:,} rows")
    if checked.long:
        first = ", ".join(f"{row:,}" for row in checked.long_rows)
        more = ", ..." if checked.long > len(checked.long_rows) else ""
        rows_with = "1 row" if checked.long == 1 else f"{checked.long:,} rows"
        display.note(
            f"texts of more than {MAX_PARTS} parts, which the platform truncates, in {rows_with}: {first}{more}"
        )
    return checked
