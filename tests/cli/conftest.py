"""A sandbox for the tests of the command line; one for all, as new for each: a process takes longer than a sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eightbyeight_async.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def _running_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_running_sandbox: Sandbox) -> Sandbox:
    _running_sandbox.reset()
    return _running_sandbox
