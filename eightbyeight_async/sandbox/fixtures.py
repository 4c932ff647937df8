"""pytest fixtures: `pytest_plugins = ["eightbyeight_async.sandbox.fixtures"]` in a conftest.py.

They are plain synchronous fixtures, so they go with pytest-asyncio, anyio, pytest-trio or none of them.
Each test has a sandbox of its own: it starts in some ten milliseconds.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from eightbyeight_async.sandbox import Sandbox

if TYPE_CHECKING:
    from eightbyeight_async import AsyncConnectClient


@pytest.fixture
def eightbyeight_sandbox() -> Iterator[Sandbox]:
    """A running Sandbox, stopped after the test."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def eightbyeight_client(eightbyeight_sandbox: Sandbox) -> "AsyncConnectClient":
    """A client wired to `eightbyeight_sandbox`, not opened: `async with eightbyeight_client as client:`."""
    return eightbyeight_sandbox.client()
