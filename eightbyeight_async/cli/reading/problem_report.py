"""`--problems`: writes a file with all problems of an input, one a line, without the values of the input."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

from eightbyeight_async.cli.exit_codes import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from eightbyeight_async.cli.reading.problems import Problems
    from eightbyeight_async.cli.reading.row_to_request import Problem

__all__ = ["refuse_other_file", "write_problems"]

_NAMES = ("line", "row", "field", "problem")
_HEADER = ",".join(_NAMES)
_JSON = '{"line": '


def refuse_other_file(path: Path) -> None:
    """Raises UsageError if the file exists and is not a report: a mistyped path must not overwrite the messages."""
    try:
        with path.open("rb") as file:
            begin = file.read(len(_HEADER))
    except FileNotFoundError:
        return
    except OSError as wrong:
        raise UsageError(f"--problems {path}: {wrong.strerror or 'cannot be read'}") from wrong
    if begin and begin != _HEADER.encode() and not begin.startswith(_JSON.encode()):
        raise UsageError(f"--problems {path}: exists and is no report of problems; give another name")


def write_problems(path: Path, problems: Problems) -> None:
    """Writes the report: JSONL if the path ends with `.jsonl`, otherwise CSV. An older report is replaced.

    Raises:
        UsageError: the file cannot be written, or is not a report.
    """
    refuse_other_file(path)
    out = io.StringIO()
    form = path.suffix.lower()
    writer = csv.writer(out, lineterminator="\n")
    if form not in (".jsonl", ".ndjson"):
        writer.writerow(_NAMES)
    for problem in problems.all():
        if form in (".jsonl", ".ndjson"):
            out.write(json.dumps(dict(zip(_NAMES, _values(problem), strict=True))) + "\n")
        else:
            writer.writerow(_values(problem))
    try:
        path.write_text(out.getvalue(), encoding="utf-8")
    except OSError as wrong:
        raise UsageError(f"--problems {path}: {wrong.strerror or 'cannot be written'}; nothing was sent") from wrong


def _values(problem: Problem) -> tuple[int, int | None, str | None, str]:
    return problem.line, problem.number, problem.field, problem.rule
