"""Counters of connections and requests, for tests that prove a limit by counting, and not by measuring time."""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

# enough for assertions; a limit, so that memory does not grow in a run of a million requests
REMEMBERED_REQUESTS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxRequest:
    """One request as it arrived.

    - `product`: "sms", "chatapps", or "storage" for the host of exported files.
    - `operation`: e.g. "send"; None if the API has no such path.
    - `path`: still percent-encoded, without the query string.
    - `status`: the HTTP status of the response; None if a fault closed the connection instead.
    - `tls_version`: e.g. "TLSv1.3"; None if unknown.
    - `headers`: the request headers; the value of Authorization is masked.
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
    """Counts over both hosts of the API since the start or the last `reset()`.

    - `requests`: HTTP requests read to their end, refused ones included.
    - `in_flight`: requests in progress now.
    - `peak_in_flight`: the most requests in progress at the same time.
    - `connections`: accepted TCP connections.
    - `open_connections`: connections that have finished their handshake and are not closed.
    - `failed_handshakes`: TLS handshakes that failed.
    - `handshakes`: finished TLS handshakes by version, e.g. "TLSv1.3".
    - `last_requests`: the last 1,000 requests.
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
        """Count a request that arrived."""
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)

    def request_ended(self) -> None:
        """Count a request that was answered or aborted."""
        self.in_flight -= 1

    def reset(self) -> None:
        """Set the counts to zero, except for open connections and requests in flight."""
        self.requests = self.connections = self.failed_handshakes = 0
        self.peak_in_flight = self.in_flight
        self.handshakes = Counter()
        self.last_requests.clear()
