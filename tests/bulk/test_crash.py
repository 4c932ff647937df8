"""A short version of `crash.py`: the same checks, fewer kills."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import crash


@pytest.mark.long
@pytest.mark.parametrize(("mode", "durability"), [("each", "process"), ("batch", "power")])
def test_killed_four_times_every_message_arrives_once(
    mode: str, durability: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("EIGHTBYEIGHT_API_KEY", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, os.environ.get(name, ""))  # so that pytest restores the variables that crash() sets
    outcome = crash.crash(4, 1_000, mode, durability, seed=20261122, directory=str(tmp_path))
    assert (outcome.kills, outcome.accepted) == (4, 1_000)
