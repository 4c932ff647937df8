"""Copies a sheet of a spreadsheet (.xlsx, .ods) into CSV. The only importer of python_calamine (extra `sheets`).

Rules:
- Each row of the sheet becomes a record of the CSV, even an empty row.
- A number is written as its digits, whatever format the cell has: 6591234567, 12.5. A date is ISO 8601 without offset.
- The user must name the sheet if several sheets of the file have content.
- A cell with an error (#N/A) is empty.

Why calamine: it reads both formats in native code (200,000 rows in about a second, openpyxl takes a minute and reads no
.ods), its licence is MIT, it has wheels for every platform, and no dependency.
"""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, BinaryIO

from eightbyeight_async.cli.exit_codes import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from python_calamine import CalamineSheet, CalamineWorkbook

__all__ = ["write_csv"]

_BLOCK = 256 * 1024
_EXACT = 2**53  # a spreadsheet cannot hold larger whole numbers exactly


def write_csv(file: BinaryIO, name: str, sheet: str | None, copy: BinaryIO) -> None:
    """Writes a sheet as CSV.

    Args:
        file: the spreadsheet, seekable.
        name: name of the file, for errors.
        sheet: name of the sheet; None: the only sheet with content.
        copy: where the CSV is written.

    Raises:
        UsageError: the extra is not installed, the file is not a spreadsheet, the sheet does not exist, or several
            sheets are possible.
    """
    try:
        from python_calamine import CalamineError, load_workbook  # noqa: PLC0415 - an extra
    except ImportError as missing:
        raise UsageError(
            f"{name}: reading spreadsheets needs the extra [sheets]: pip install python-calamine; or save it as CSV"
        ) from missing
    try:
        with load_workbook(file) as workbook:
            copy.writelines(_blocks(_chosen(workbook, name, sheet)))
    except CalamineError as wrong:
        raise UsageError(f"{name}: cannot be read as a spreadsheet; is it complete, and without a password?") from wrong


def _chosen(workbook: CalamineWorkbook, name: str, sheet: str | None) -> CalamineSheet:
    names = [one.name for one in workbook.sheets_metadata]
    if sheet is not None:
        if sheet not in names:
            raise UsageError(f"--sheet: {name} has no sheet of that name; it has {_listed(names)}")
        return workbook.get_sheet_by_name(sheet)
    filled = [found for one in names if (found := workbook.get_sheet_by_name(one)).start is not None]
    if len(filled) > 1:
        raise UsageError(f"{name}: has more than one sheet: add --sheet, with {_listed([one.name for one in filled])}")
    if not filled:
        raise UsageError(f"{name}: has no sheet with something in it")
    return filled[0]


def _listed(names: list[str]) -> str:
    return " or ".join(repr(name) for name in names[:5]) + (" or another one" if len(names) > 5 else "")


def _blocks(sheet: CalamineSheet) -> Iterator[bytes]:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for cells in sheet.iter_rows():
        writer.writerow([_cell(cell) for cell in cells])
        if out.tell() >= _BLOCK:
            yield out.getvalue().encode(errors="surrogatepass")
            out.seek(0)
            out.truncate()
    yield out.getvalue().encode(errors="surrogatepass")


def _cell(value: Any) -> str:  # noqa: ANN401 - the types of a spreadsheet's cells
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return "" if value is None else str(value) if isinstance(value, int | timedelta) else ""
