"""A sandbox that several tests share, and that is empty for each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patience import until

if TYPE_CHECKING:
    from eightbyeight_async.sandbox import Sandbox

__all__ = ["emptied", "wait_for_the_last_request"]


def emptied(sandbox: Sandbox) -> Sandbox:
    """Resets a sandbox after the last request of earlier tests."""
    wait_for_the_last_request(sandbox)
    sandbox.reset()
    return sandbox


def wait_for_the_last_request(sandbox: Sandbox) -> None:
    """Waits until no request can arrive from a client that has ended.

    When a process is killed, its last requests are still in the sockets. On a busy machine the sandbox reads them only
    after the process has gone; after a reset they would count in the next test.
    """
    traffic = sandbox.traffic
    until(
        lambda: (
            not traffic.open_connections
            and traffic.connections <= traffic.handshakes.total() + traffic.failed_handshakes
        )
    )
