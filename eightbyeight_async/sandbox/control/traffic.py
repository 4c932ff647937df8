"""Counters of what reached the sandbox, for tests that prove a bound by counting instead of timing."""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

REMEMBERED_REQUESTS = 1000  # enough to assert on, bounded so that a run of a million does not grow


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxRequest:
    """One request as it arrived: `path` still percent-encoded, Authorization masked, `status` None if dropped.

    `operation` is None where the path is none of the API's.
    """

    product: str
    operation: str | None
    method: str
    path: str
    status: int | None
    tls_version: str | None
    headers: Mapping[str, str]


@dataclass(slots=True, kw_only=True)
class Traffic:
    """Counted over both hosts since the start or the last `reset()`.

    `requests`: HTTP requests read to their end, refused ones included; `peak_in_flight`: the most under way
    at once; `connections`: TCP connections accepted; `open_connections`: those past their handshake and not
    closed; `handshakes`: finished TLS handshakes by version ("TLSv1.3"); `failed_handshakes`: the others.
    """

    requests: int = 0
    in_flight: int = 0
    peak_in_flight: int = 0
    connections: int = 0
    open_connections: int = 0
    failed_handshakes: int = 0
    handshakes: Counter[str] = field(default_factory=Counter)
    last_requests: deque[SandboxRequest] = field(default_factory=lambda: deque(maxlen=REMEMBERED_REQUESTS), repr=False)

    def request_began(self) -> None:
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)

    def request_ended(self) -> None:
        self.in_flight -= 1

    def reset(self) -> None:
        """Start counting anew; what is open or in flight stays counted."""
        self.requests = self.connections = self.failed_handshakes = 0
        self.peak_in_flight = self.in_flight
        self.handshakes = Counter()
        self.last_requests.clear()
