"""A sandbox for the tests of the command line. All tests share it, and it is reset before each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cli.command_line import in_process
from shared_sandbox import emptied

from eightbyeight_async.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.command_line import Ended, Here


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
def here(capfd: pytest.CaptureFixture[str]) -> Here:
    """Runs `eightbyeight ...` in this process, for tests without a promise about the process. Saves half a second."""

    def call(*arguments: object, sandbox: Sandbox | None = None, **more: str) -> Ended:
        return in_process(*arguments, sandbox=sandbox, capsys=capfd, **more)

    return call
