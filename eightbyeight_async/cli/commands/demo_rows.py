"""Writes the demo's input file: the 2,000 rows of `demo.csv`, with schedules relative to now.

No number belongs to a person:
- numbers that regulators reserve for films (United Kingdom, United States, France, Germany, Sweden, Australia);
- in other countries, a subscriber number of zeros;
- numbers under +999, which no country has. The sandbox rejects these.
"""

from __future__ import annotations

import csv
from datetime import timedelta
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

__all__ = ["FAULTY_ROWS", "LOST_ROWS", "REFUSED_ROWS", "numbers_of_nobody", "write_demo_file"]

# Row numbers whose first request the sandbox answers with an internal error (code 2000).
FAULTY_ROWS = (100, 1500)
# Refused with an error code (1002, the number is not valid).
REFUSED_ROWS = (255, 1333, 1777)
# Accepted, and the answer is lost: nobody but the API knows that the message went out.
LOST_ROWS = (700,)
_MINUTES = "scheduled_in_minutes"


def numbers_of_nobody(count: int) -> list[str]:
    """Returns the first numbers of the demo's rows that the sandbox does not reject. They belong to nobody."""
    return [row["destination"] for row in _packed_rows() if not row["destination"].startswith("+999")][:count]


def write_demo_file(path: Path, now: datetime) -> dict[int, str]:
    """Writes the file. Returns the phone number of each row that the constants above name."""
    special = dict.fromkeys((*FAULTY_ROWS, *REFUSED_ROWS, *LOST_ROWS), "")
    rows = _packed_rows()
    with path.open("w", encoding="utf-8", newline="") as target:
        names = [name for name in rows.fieldnames or () if name != _MINUTES]
        writer = csv.DictWriter(target, [*names, "scheduled"])
        writer.writeheader()
        for number, row in enumerate(rows, 1):
            minutes = row.pop(_MINUTES)
            moment = now + timedelta(minutes=int(minutes)) if minutes else None
            writer.writerow({**row, "scheduled": "" if moment is None else moment.isoformat(timespec="seconds")})
            if number in special:
                special[number] = row["destination"]
    return special


def _packed_rows() -> csv.DictReader[str]:
    packed = files("eightbyeight_async.cli") / "demo.csv"
    return csv.DictReader(packed.read_text(encoding="utf-8").splitlines())
