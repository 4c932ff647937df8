"""A sandbox, and for each test a ledger's name of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ledger.postgres import OwnDatabase
from shared_sandbox import emptied

from eightbyeight_async.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger.postgres import PostgresServer


@pytest.fixture(scope="session")
def _running_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_running_sandbox: Sandbox) -> Sandbox:
    emptied(_running_sandbox)
    _running_sandbox.exports.polls = 0  # a job that is not ready at the first look makes the test wait 2 s
    return _running_sandbox


@pytest.fixture
def name(request: pytest.FixtureRequest, tmp_path: object) -> str:
    return f"{request.node.name} {tmp_path}"[-200:]


@pytest.fixture
def server(_own_postgres: PostgresServer | None) -> OwnDatabase:
    """A server that a test may crash. `url` is a database of the test's own."""
    if _own_postgres is None:
        pytest.skip("the given server is not ours to crash")
    return OwnDatabase(_own_postgres)
