"""What is POSTed to callback URLs, when, in which order and how often; `callback_poster` sends it.

Everything is due at a time of the sandbox's clock: what is due together is one group, put in order as set, so
a virtual clock, reversed receipts and retries need neither sleeps nor luck.
"""

import heapq
import itertools
import random
import ssl
import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import anyio.to_thread
from yarl import URL

from eightbyeight_async.sandbox.api.operation_results import JSONObject
from eightbyeight_async.sandbox.control.clock import SandboxClock
from eightbyeight_async.sandbox.messages.delivery_status import Deliveries
from eightbyeight_async.sandbox.messages.message import SandboxMessage
from eightbyeight_async.sandbox.webhooks.callback_bodies import receipt
from eightbyeight_async.sandbox.webhooks.loopback_only import loopback_url

Order = Literal["in order", "reversed", "shuffled"]
ORDERS = ("in order", "reversed", "shuffled")
RETRY_AFTER = (1.0, 10.0, 30.0, 90.0)
REMEMBERED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxReceipt:
    """One POST to a callback URL, or one that was refused.

    `attempt`: 1 for the first, up to 5. `status`: what the service answered; None and an `error` where nothing
    came, or where the URL is not of this machine. `body`: the JSON as sent.
    """

    umid: str
    event_type: str
    state: str | None
    attempt: int
    status: int | None
    error: str | None
    url: str = field(repr=False)
    body: dict[str, Any] = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """One thing to POST; `body` makes it when its time has come."""

    umid: str
    url: URL
    body: Callable[[], JSONObject]
    generation: int
    attempt: int = 1


class Receipts:
    """Receipts and inbound messages, and what became of them.

    `callback_url`: where those of messages without a dlrCallbackUrl go (None: nowhere); `authorization`: the
    value of their Authorization header; `ca_file`: the authority of an https callback URL. `order` of those
    due together: "in order", "reversed" or "shuffled" (by `seed`); `duplicates`: how often each is sent again;
    `delay`: seconds after the event; `retry_after`: seconds before each further attempt (any answer but a 2xx
    is a failure); `timeout`: seconds for one attempt; `concurrency`: POSTs at a time, 1 keeps the order.
    `enabled`: False sends none. Whatever is set, only loopback addresses are ever asked.
    """

    enabled: bool
    authorization: str | None
    ca_file: str | None
    order: Order
    duplicates: int
    delay: float
    retry_after: tuple[float, ...]
    timeout: float
    concurrency: int

    def __init__(self, clock: SandboxClock, deliveries: Deliveries, callback_url: str | None) -> None:
        self._clock = clock
        self._deliveries = deliveries
        self._changed = threading.Condition()
        self._waiting: list[tuple[datetime, int, Callback]] = []
        self._numbers = itertools.count()
        self._under_way = 0
        self._generation = 0
        self._cancelled: set[str] = set()
        self._sent: deque[SandboxReceipt] = deque(maxlen=REMEMBERED)
        self._refused: deque[SandboxReceipt] = deque(maxlen=REMEMBERED)
        self.counts: Counter[str] = Counter()  # attempts, taken (2xx), given_up, refused (not loopback)
        self._wake: Callable[[], None] = lambda: None
        self._first_url = callback_url
        self.reset()

    def __setattr__(self, name: str, value: object) -> None:
        if name == "order" and value not in ORDERS:
            raise ValueError(f"order of receipts is one of {ORDERS}")
        super().__setattr__(name, value)

    def reset(self) -> None:
        """Nothing waits, nothing was sent; the first settings."""
        with self._changed:
            self.callback_url = self._first_url
            self.enabled, self.authorization, self.ca_file = True, None, None
            self.order, self.duplicates, self.delay = "in order", 0, 0.0
            self.retry_after, self.timeout, self.concurrency = RETRY_AFTER, 10.0, 1
            self.seed = 0
            self._generation += 1
            for kept in (self._waiting, self._cancelled, self._sent, self._refused, self.counts):
                kept.clear()
            self._changed.notify_all()

    @property
    def callback_url(self) -> str | None:
        return self._callback_url

    @callback_url.setter
    def callback_url(self, url: str | None) -> None:
        if url is not None and loopback_url(url) is None:
            raise ValueError("the sandbox POSTs to this machine only: callback_url is http(s) on a loopback address")
        self._callback_url = url

    @property
    def seed(self) -> int:
        """Of the shuffling; setting it starts the shuffling anew."""
        return self._seed

    @seed.setter
    def seed(self, seed: int) -> None:
        self._seed = seed
        self._random = random.Random(seed)  # noqa: S311 - repeatable is the point

    # What a test looks at

    @property
    def sent(self) -> list[SandboxReceipt]:
        """The last 10,000 POSTs, in the order they ended, failed ones included; `counts` counts all."""
        return list(self._sent)

    @property
    def refused(self) -> list[SandboxReceipt]:
        """What was not sent because its callback URL is not of this machine, at most the last 10,000."""
        return list(self._refused)

    @property
    def waiting(self) -> int:
        """How many are not due yet, retries included."""
        with self._changed:
            return len(self._waiting)

    def flush(self, timeout: float = 5.0, *, later: bool = False) -> None:
        """Block until everything that is due by the sandbox's clock was POSTed and answered, or failed.

        `later`: until nothing waits at all, retries included; it takes the time that takes. Raises TimeoutError.
        Not for a coroutine whose loop serves the callback: it would wait for itself. That takes `wait_idle`.
        """
        self.wake()
        with self._changed:
            if not self._changed.wait_for(lambda: self._is_idle(later=later), timeout):
                raise TimeoutError(f"not answered after {timeout:g} s: {self._under_way} receipts, or more")

    async def wait_idle(self, timeout: float = 5.0, *, later: bool = False) -> None:  # noqa: ASYNC109 - as in flush
        """`flush` for coroutines, on asyncio and on trio."""
        await anyio.to_thread.run_sync(lambda: self.flush(timeout, later=later))

    # What happens

    def note(self, messages: list[SandboxMessage]) -> None:
        """Messages were taken: their receipts fall due as they are delivered."""
        if not self.enabled:
            return
        noted = False
        for message in messages:
            url = message.dlr_callback_url or self._callback_url
            if url is not None:
                noted = True
                for status in self._deliveries.history(message):
                    if status.state != "queued":
                        self.post(url, status.at, message.umid, _later(receipt, message, status))
        if noted:
            self.wake()

    def post(self, url: str, at: datetime, umid: str, body: Callable[[], JSONObject]) -> None:
        target = loopback_url(url)
        with self._changed:
            if target is None:
                refused = "not sent: the callback URL is not on a loopback address"
                self._record(self._refused, umid, url, body(), 0, None, refused)
                self.counts["refused"] += 1
                return
            callback = Callback(umid=umid, url=target, body=body, generation=self._generation)
            self._put(at + timedelta(seconds=self.delay), callback)

    def forget(self, umids: list[str]) -> None:
        """Messages were cancelled: nothing more will happen to them."""
        with self._changed:
            if self._waiting:
                self._cancelled.update(umids)

    def wake(self) -> None:
        """Look again at what is due: something was added, or the clock was moved."""
        self._wake()

    # For `callback_poster`

    def waken_with(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def take_due(self) -> list[Callback]:
        """What is to be POSTed now, in this order; each of it is to be `done` or `dropped`."""
        with self._changed:
            now, due = self._clock.now(), []
            while self._waiting and self._waiting[0][0] <= now:
                callback = heapq.heappop(self._waiting)[2]
                if callback.umid not in self._cancelled:
                    due.append(callback)
            due += [callback for _ in range(self.duplicates) for callback in due if callback.attempt == 1]
            if self.order == "reversed":
                due.reverse()
            elif self.order == "shuffled":
                self._random.shuffle(due)
            self._under_way += len(due)
            self._changed.notify_all()
            return due

    def seconds_to_next(self) -> float | None:
        with self._changed:
            if not self._waiting:
                return None
            return max(0.001, (self._waiting[0][0] - self._clock.now()).total_seconds())

    def is_current(self, callback: Callback) -> bool:
        return callback.generation == self._generation

    def dropped(self, callbacks: int) -> None:
        with self._changed:
            self._under_way -= callbacks
            self._changed.notify_all()

    def done(self, callback: Callback, body: JSONObject, status: int | None, error: str | None) -> None:
        with self._changed:
            self._under_way -= 1
            if self.is_current(callback):
                self.counts["attempts"] += 1
                self._record(self._sent, callback.umid, str(callback.url), body, callback.attempt, status, error)
                if status is not None and 200 <= status < 300:
                    self.counts["taken"] += 1
                elif callback.attempt <= len(self.retry_after):
                    again = timedelta(seconds=self.retry_after[callback.attempt - 1])
                    self._put(self._clock.now() + again, replace(callback, attempt=callback.attempt + 1))
                else:
                    self.counts["given_up"] += 1
            self._changed.notify_all()

    def tls(self) -> ssl.SSLContext | bool:
        return True if self.ca_file is None else ssl.create_default_context(cafile=self.ca_file)

    def _put(self, due: datetime, callback: Callback) -> None:
        heapq.heappush(self._waiting, (due, next(self._numbers), callback))

    def _record(
        self,
        where: deque[SandboxReceipt],
        umid: str,
        url: str,
        body: JSONObject,
        attempt: int,
        status: int | None,
        error: str | None,
    ) -> None:
        state = body["payload"].get("status", {}).get("state")
        where.append(
            SandboxReceipt(
                umid=umid,
                event_type=body["eventType"],
                state=state,
                attempt=attempt,
                status=status,
                error=error,
                url=url,
                body=body,
            )
        )

    def _is_idle(self, *, later: bool) -> bool:
        if self._under_way:
            return False
        return not self._waiting or (not later and self._waiting[0][0] > self._clock.now())

    def __repr__(self) -> str:
        return f"<Receipts: {len(self._waiting)} waiting, {dict(self.counts)}>"


def _later(make: Callable[..., JSONObject], *arguments: object) -> Callable[[], JSONObject]:
    return lambda: make(*arguments)
