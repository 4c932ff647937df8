"""The queue of callbacks: which callbacks are POSTed, when, in which order and how often.

Each callback has a due time on the sandbox's clock. All callbacks that are due at the same moment form a group, which
is sorted by the setting `order`. So tests with a virtual clock, with reversed receipts and with retries need no sleep,
and their results are repeatable. `callback_poster` sends the callbacks.
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
RETRY_AFTER = (1.0, 10.0, 30.0, 90.0)  # seconds, as 8x8's webhook pages say
REMEMBERED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxReceipt:
    """One POST to a callback URL; or one that was not made, because the URL is not on this machine.

    - `event_type`: "outbound_message_status_changed" or "inbound_message_received".
    - `state`: the state in the delivery receipt; None for an inbound message.
    - `attempt`: 1 for the first, 5 for the last; 0 if the POST was not made.
    - `status`: the HTTP status of the response; None if there was none.
    - `error`: why there was no response; None if there was one.
    - `body`: the JSON that was sent.
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
    """One POST in the queue.

    - `body`: makes the JSON when the callback is due.
    - `generation`: the number of resets before the callback was queued; callbacks of an older generation are not sent.
    - `attempt`: 1 for the first.
    """

    umid: str
    url: URL
    body: Callable[[], JSONObject]
    generation: int
    attempt: int = 1


class Receipts:
    """The callbacks of a sandbox (delivery receipts and inbound messages): settings, and what was sent.

    - `enabled`: False sends no delivery receipts.
    - `callback_url`: the URL for messages without a dlrCallbackUrl; None for no callback.
    - `authorization`: the value of the Authorization header; None for no header.
    - `ca_file`: path of the certificate authority (PEM) of an https callback URL.
    - `order`: the order of callbacks that are due at the same moment: "in order", "reversed" or "shuffled".
    - `seed`: the seed of the shuffling.
    - `duplicates`: how many times each callback is sent again.
    - `delay`: seconds between the event and its callback.
    - `retry_after`: seconds before each further attempt: one number per attempt. Any response but a 2xx is a failure.
    - `timeout`: seconds for one attempt.
    - `concurrency`: POSTs at the same time; only 1 keeps the order.

    No setting makes it request another address than a loopback address. `counts` has "attempts", "taken" (2xx),
    "given_up" and "refused" (not on a loopback address).
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
        self.counts: Counter[str] = Counter()
        self._wake: Callable[[], None] = lambda: None
        self._first_url = callback_url
        self.reset()

    def __setattr__(self, name: str, value: object) -> None:
        if name == "order" and value not in ORDERS:
            raise ValueError(f"order of receipts must be one of {ORDERS}")
        super().__setattr__(name, value)

    def reset(self) -> None:
        """Forget the waiting and the sent callbacks; restore the first settings."""
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
        """The URL for receipts of messages without their own URL; None: such receipts are not posted."""
        return self._callback_url

    @callback_url.setter
    def callback_url(self, url: str | None) -> None:
        if url is not None and loopback_url(url) is None:
            raise ValueError("callback_url must be http(s) on a loopback address: the sandbox POSTs nowhere else")
        self._callback_url = url

    @property
    def seed(self) -> int:
        """The seed of the shuffling; setting it restarts the random numbers."""
        return self._seed

    @seed.setter
    def seed(self, seed: int) -> None:
        self._seed = seed
        self._random = random.Random(seed)  # noqa: S311 - must be repeatable

    # What a test reads

    @property
    def sent(self) -> list[SandboxReceipt]:
        """The last 10,000 POSTs in the order they ended, failed ones included; `counts` counts all of them."""
        return list(self._sent)

    @property
    def refused(self) -> list[SandboxReceipt]:
        """The last 10,000 callbacks that were not sent because their URL is not on this machine."""
        return list(self._refused)

    @property
    def waiting(self) -> int:
        """How many callbacks are not due yet, retries included."""
        with self._changed:
            return len(self._waiting)

    def flush(self, timeout: float = 5.0, *, later: bool = False) -> None:
        """Block until every callback that is due by the sandbox's clock was POSTed, and was answered or failed.

        - `timeout`: seconds. Raises TimeoutError after them.
        - `later`: wait until no callback is left, later ones and retries included.

        Do not call it from a coroutine whose event loop serves the callback URL: it blocks that loop, so the callback
        could never be answered. Use `wait_idle` there.
        """
        self.wake()
        with self._changed:
            if not self._changed.wait_for(lambda: self._is_idle(later=later), timeout):
                waiting = len(self._waiting)
                raise TimeoutError(
                    f"not answered after {timeout:g} s: {self._under_way} callbacks in flight, {waiting} in the queue"
                )

    async def wait_idle(self, timeout: float = 5.0, *, later: bool = False) -> None:  # noqa: ASYNC109 - as in flush
        """`flush` for coroutines, under asyncio and trio: waits without blocking the event loop."""
        await anyio.to_thread.run_sync(lambda: self.flush(timeout, later=later))

    # For the message store

    def note(self, messages: list[SandboxMessage]) -> None:
        """Queue the receipts of newly stored messages, due at the times of their delivery."""
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
        """Queue a callback for a URL. It is due `delay` seconds after the time `at` of the sandbox's clock."""
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
        """Remove the receipts of cancelled messages."""
        with self._changed:
            if self._waiting:
                self._cancelled.update(umids)

    def wake(self) -> None:
        """Make the poster check again what is due, after a callback was added or the clock was moved."""
        self._wake()

    # For `callback_poster`

    def waken_with(self, wake: Callable[[], None]) -> None:
        """Set the function that is called when a callback is queued or the clock is moved."""
        self._wake = wake

    def take_due(self) -> list[Callback]:
        """Returns the callbacks to POST now, in this order. The caller must report each as `done` or `dropped`."""
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
        """Seconds until the next callback is due; None if no callback waits."""
        with self._changed:
            if not self._waiting:
                return None
            return max(0.001, (self._waiting[0][0] - self._clock.now()).total_seconds())

    def is_current(self, callback: Callback) -> bool:
        """Whether the callback was queued after the last reset."""
        return callback.generation == self._generation

    def dropped(self, callbacks: int) -> None:
        """Report that this number of callbacks from `take_due` will not be POSTed."""
        with self._changed:
            self._under_way -= callbacks
            self._changed.notify_all()

    def done(self, callback: Callback, body: JSONObject, status: int | None, error: str | None) -> None:
        """Report the end of a POST. A failed one is queued again, at most as often as `retry_after` has numbers."""
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
        """How certificates of callback URLs are checked: a context with `ca_file`, or True for the default."""
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
