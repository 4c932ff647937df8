"""Damages the files of a journal, bit by bit and sector by sector: no settled message may be taken for a new one.

    python tests/bulk/damage.py [--every 1]

Every damage must end in one of two ways: a JournalError refuses the journal, or the journal still knows all settled
messages. The check makes the same calls as a campaign: `known` for a page, then `claim` for the rest.

Two journals are damaged. One was closed cleanly. The campaign of the other one was killed and left its log and mark.
"""

# ruff: noqa: T201
from __future__ import annotations

import argparse
import functools
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from eightbyeight_async import SmsRequest
from eightbyeight_async.bulk import JournalError, State
from eightbyeight_async.bulk.judging.message_keys import Keys
from eightbyeight_async.bulk.store.journal import Journal
from eightbyeight_async.bulk.store.records import Account, Claim, Met, Policy, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eightbyeight_async.bulk.judging.message_keys import Identity

MESSAGES = 300
SECTOR = 512
PAGE = 4096
ACCOUNT = Account("sms.8x8.com", "acme")
_SETTLED = (State.SENT, State.SENT, State.REJECTED, State.FAILED, State.UNKNOWN)


def opened(path: Path) -> Journal:
    return Journal(path, "process", lambda: 1_000.0, account=ACCOUNT, policy=Policy())


def requests() -> list[SmsRequest]:
    return [
        SmsRequest(destination=f"+6581{i:06d}", text="Hi", client_message_id=f"order-{i}" if i % 3 else None)
        for i in range(MESSAGES)
    ]


@functools.cache
def identities_under(salt: bytes) -> list[Identity]:
    keys = Keys(salt)
    return [keys.of(request) for request in requests()]


def fill(journal: Journal) -> None:
    """Claims all messages, and settles all but the last ten, in a dozen transactions."""
    identities = identities_under(journal.salt)
    journal.transact(journal.begin_run)
    for begin in range(0, MESSAGES, 25):
        claims = [
            Claim(i + 1, identities[i], i, None if i % 7 else 5_000.0) for i in range(begin, min(begin + 25, MESSAGES))
        ]
        results = [
            Result(
                claim.id, claim.identity.key, claim.place, _SETTLED[claim.id % 5], f"umid-{claim.id}", f"batch-{begin}"
            )
            for claim in claims
            if claim.id <= MESSAGES - 10
        ]
        journal.transact(lambda claims=claims: journal.claim(claims))  # type: ignore[misc]
        journal.transact(lambda results=results: journal.record(results))  # type: ignore[misc]


def make(directory: Path, *, killed: bool) -> dict[str, bytes]:
    """Returns the files of a journal, by name. `killed`: the files that a killed campaign leaves."""
    path = directory / "run.db"
    journal = opened(path)
    fill(journal)
    if killed:
        # Half of the rows are in the database already, the others only in the log.
        journal.sql.execute("PRAGMA wal_checkpoint(PASSIVE)")
        journal.transact(lambda: journal.set_meta("expected", MESSAGES))
        journal.transact(lambda: journal.resolve("order-4", State.SENT))
        return {path.name: path.read_bytes() for path in directory.iterdir() if not path.name.endswith("-shm")}
    journal.close()
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@attrs.frozen
class Damage:
    """A damage: `data` replaces the bytes at `offset` of the file named `file`. `what` describes it."""

    file: str
    offset: int
    data: bytes
    what: str

    def __str__(self) -> str:
        return f"{self.file}, byte {self.offset} (page {self.offset // PAGE + 1}): {self.what}"


def flips(files: dict[str, bytes], step: int, *, begin: int = 0) -> Iterator[Damage]:
    """Flips one bit of every `step`th byte, another bit each time."""
    for name, data in files.items():
        for offset in range(begin, len(data), step):
            bit = (offset // step) % 8
            yield Damage(name, offset, bytes([data[offset] ^ 1 << bit]), f"bit {bit} flipped")


def header_flips(files: dict[str, bytes]) -> Iterator[Damage]:
    """Flips bits of the database's header (100 bytes), of the head of every page (12 bytes), and of the mark."""
    data = files["run.db"]
    heads = [offset for page in range(0, len(data), PAGE) for offset in range(page, page + 12)]
    for number, offset in enumerate([*range(100), *heads]):
        yield Damage("run.db", offset, bytes([data[offset] ^ 1 << number % 8]), f"bit {number % 8} flipped")
    for offset, value in enumerate(files["run.db-mark"]):
        yield Damage("run.db-mark", offset, bytes([value ^ 1 << offset % 8]), f"bit {offset % 8} flipped")


def zeroed_sectors(files: dict[str, bytes]) -> Iterator[Damage]:
    for name, data in files.items():
        for offset in range(0, len(data), SECTOR):
            zeros = bytes(min(SECTOR, len(data) - offset))
            if zeros != data[offset : offset + SECTOR]:
                yield Damage(name, offset, zeros, "a sector zeroed")


def copied_sectors(files: dict[str, bytes]) -> Iterator[Damage]:
    """Replaces a sector by the one that is 8 sectors further on (the same place of another page)."""
    for name, data in files.items():
        for offset in range(0, len(data) - PAGE - SECTOR, SECTOR):
            other = data[offset + PAGE : offset + PAGE + SECTOR]
            if other != data[offset : offset + SECTOR]:
                yield Damage(name, offset, other, "another page's sector")


def try_damage(files: dict[str, bytes], damage: Damage | None, directory: Path) -> str:
    """Returns the result of the damage: `refused` or `knows all`.

    Raises:
        AssertionError: a settled message would be sent again.
        any exception other than JournalError: the journal's code failed.
    """
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    for name, data in files.items():
        changed = bytearray(data)
        if damage is not None and damage.file == name:
            changed[damage.offset : damage.offset + len(damage.data)] = damage.data
        (directory / name).write_bytes(changed)
    try:
        journal = opened(directory / "run.db")
    except JournalError:
        return "refused"
    try:
        identities = identities_under(journal.salt)
        journal.transact(journal.begin_run)
        known = journal.transact(lambda: journal.known([Met(one, place) for place, one in enumerate(identities)]))
        claims = [
            Claim(journal.last_id + 1 + place, one, place) for place, one in enumerate(identities) if place not in known
        ]
        granted = [
            claim.place
            for claim, answer in zip(claims, journal.transact(lambda: journal.claim(claims)), strict=True)
            if answer.state is None
        ]
    except JournalError:
        return "refused"
    finally:
        journal.close()
    assert not granted, f"{damage}: {len(granted)} settled messages would be sent again"
    return "knows all"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="flip a bit of every so many bytes")
    every = parser.parse_args().every
    memory = Path("/dev/shm")  # noqa: S108 - thousands of small files
    failures = 0
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        for killed in (False, True):
            made = Path(name, f"made-{killed}")
            made.mkdir()
            files = make(made, killed=killed)
            sizes = {file: len(data) for file, data in files.items()}
            began, outcomes = time.monotonic(), Counter[str]()
            for damages in (flips(files, every), header_flips(files), zeroed_sectors(files), copied_sectors(files)):
                for damage in damages:
                    try:
                        outcomes[try_damage(files, damage, Path(name, "tried"))] += 1
                    except Exception as error:  # noqa: BLE001 - counted
                        failures += 1
                        print(f"{damage}: {type(error).__name__}: {error}")
            print(f"killed={killed}, {sizes}: {dict(outcomes)}, {time.monotonic() - began:.0f} s", flush=True)
    if failures:
        sys.exit(f"{failures} damages were not found")


if __name__ == "__main__":
    main()
