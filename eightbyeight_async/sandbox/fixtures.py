"""pytest fixtures for a sandbox and a client: `pytest_plugins = ["eightbyeight_async.sandbox.fixtures"]`.

Put that line in a conftest.py. The fixtures are synchronous, so they work with pytest-asyncio, anyio and
pytest-trio, and without any of them. Each test gets its own sandbox, which starts in about ten milliseconds.
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
    """A client of `eightbyeight_sandbox`, not opened yet: use `async with eightbyeight_client as client:`."""
    return eightbyeight_sandbox.client()


@pytest.fixture
def eightbyeight_environment(eightbyeight_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The sandbox, with the environment variables that make `AsyncConnectClient()` of a service use it.

    A client that was made before the fixture does not change: make it in the service's lifespan.
    """
    for name, value in eightbyeight_sandbox.environment.items():
        monkeypatch.setenv(name, value)
    return eightbyeight_sandbox
