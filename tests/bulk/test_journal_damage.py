"""A short version of `damage.py`: the same journals, fewer damages."""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import damage


@pytest.fixture(scope="module", params=["closed", "killed"])
def files(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return damage.make(tmp_path_factory.mktemp("made"), killed=request.param == "killed")


def test_an_undamaged_journal_knows_all(files: dict[str, bytes], tmp_path: Path) -> None:
    assert damage.try_damage(files, None, tmp_path / "tried") == "knows all"
    assert len(files["run.db"]) > 10 * damage.PAGE, "too small: its trees have no interior pages"
    assert len(files.get("run.db-wal", b"")) in (0, *range(100_000, 1_000_000))


def test_a_forgotten_message_would_be_seen(files: dict[str, bytes], tmp_path: Path) -> None:
    """The check finds a real loss: a journal without its last transactions, and a mark that agrees with the shorter
    journal.
    """
    (tmp_path / "short").mkdir()
    path = tmp_path / "short" / "run.db"
    journal = damage.opened(path)
    journal.transact(journal.begin_run)
    journal.close()
    short = {name.name: name.read_bytes() for name in path.parent.iterdir()}
    with pytest.raises(AssertionError, match="300 settled messages would be sent again"):
        damage.try_damage(short, None, tmp_path / "tried")


def test_no_damage_makes_a_settled_message_new(files: dict[str, bytes], tmp_path: Path) -> None:
    """Flips bits on every page and in every header, and zeroes each 512-byte sector of the database."""
    database = {name: data for name, data in files.items() if name != "run.db-wal"}
    outcomes = Counter(
        damage.try_damage(files, one, tmp_path / "tried")
        for one in itertools.chain(
            damage.flips(files, 7_919 if len(files) > 2 else 797),
            itertools.islice(damage.header_flips(files), None, None, 4 if len(files) > 2 else 3),
            itertools.islice(damage.zeroed_sectors(database), None, None, 2),
        )
    )
    assert outcomes["refused"] > 50
    assert outcomes["knows all"] > 50
