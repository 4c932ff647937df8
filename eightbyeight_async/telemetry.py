"""OpenTelemetry for a client: a span for each attempt, and metrics, by the conventions for messaging (extra `[otel]`).

    with instrument(client):
        await client.sms.send(request)

Conventions, in status Development: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/ and
https://opentelemetry.io/docs/specs/semconv/messaging/messaging-metrics/.

Rules:
- Each attempt is a separate operation, because each attempt may send the message. So a retry is a separate span next to
  the first one.
- The destination is the sub-account. No attribute contains a phone number, a text or a key. Ids are only in spans,
  because each value of a metric's attribute makes a new time series.
- If the span is sampled, the request has the headers of the global propagator (`traceparent`, `baggage`); otherwise it
  has none of them. They never replace a header of this package.
"""

from __future__ import annotations

import logging
import re
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from eightbyeight_async.call_hooks import Watch
from eightbyeight_async.client import AsyncConnectClient
from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.version import __version__

try:
    from opentelemetry import context, metrics, propagate, trace
except ModuleNotFoundError as _missing:
    raise ModuleNotFoundError(
        'telemetry needs opentelemetry-api: pip install "eightbyeight-async[otel]"', name=_missing.name
    ) from _missing

if TYPE_CHECKING:
    from eightbyeight_async.events import AttemptEvent, WaitEvent
    from eightbyeight_async.exchange import Exchange

__all__ = ["Instrumentation", "instrument"]

_log = logging.getLogger("eightbyeight_async")

_SYSTEM = "eightbyeight"
# Seconds. The conventions specify these bounds for `messaging.client.operation.duration`.
_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_SENDS = frozenset({"send", "send_batch"})

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_OURS = frozenset(
    {
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "host",
        "transfer-encoding",
        "user-agent",
    }
)


def instrument(
    client: AsyncConnectClient,
    *,
    tracer_provider: trace.TracerProvider | None = None,
    meter_provider: metrics.MeterProvider | None = None,
) -> Instrumentation:
    """Make spans and metrics for a client, from its next attempt on.

    The clients of `with_options` are instrumented with it, because they share its connections.

    Each attempt is a span, e.g. `send acme_hq`. The span begins when the transport gets the request, and ends with the
    attempt; until then it is the current span, so log lines and httpx's own instrumentation find it. Its kind is
    PRODUCER for a send, else CLIENT. An attempt that ends before the transport gets the request has a span of zero
    length. Attributes:

    | span and metrics | |
    | --- | --- |
    | `messaging.system` | `eightbyeight` |
    | `messaging.operation.name` | the method: `send`, `send_batch`, `cancel`, ... |
    | `messaging.operation.type` | `send` for `send` and `send_batch` |
    | `messaging.destination.name` | the sub-account; not for `client.account` |
    | `messaging.eightbyeight.api` | `sms`, `chatapps` or `account` |
    | `server.address`, `server.port` | of the base URL, or of a downloaded file |
    | `error.type` | the class of the error, as in `AttemptEvent.error` |
    | span alone | |
    | `messaging.message.id` | the umid |
    | `messaging.batch.message_count` | of a batch |
    | `http.response.status_code`, `http.request.resend_count` | of the answer; of a retry |
    | `messaging.eightbyeight.code` | the API's error code |
    | `messaging.eightbyeight.sent` | of an error: `no` or `maybe` |
    | `messaging.eightbyeight.waited` | seconds under `max_concurrency` and `max_rate`, if it waited |

    | metric | |
    | --- | --- |
    | `messaging.client.operation.duration` | histogram, s: as the spans |
    | `messaging.client.sent.messages` | messages of attempts that were handed over; a retry counts again |
    | `messaging.eightbyeight.client.retries` | attempts after the first |
    | `messaging.eightbyeight.client.rate_limited` | answers with HTTP 429 |
    | `messaging.eightbyeight.client.wait.duration` | histogram, s: waits, by `messaging.eightbyeight.wait.reason` |

    Args:
        client: the client.
        tracer_provider: makes the spans; None for the global one.
        meter_provider: makes the metrics; None for the global one.

    Returns:
        The Instrumentation. It ends with `uninstrument()`, or at the end of its `with` block. If the client is already
        instrumented, a warning is logged, nothing changes, and the existing Instrumentation is returned.

    Raises:
        InvalidRequestError: `client` is not an AsyncConnectClient.
        ModuleNotFoundError: at the import of this module: the package opentelemetry-api is missing.
    """
    given: object = client
    if not isinstance(given, AsyncConnectClient):
        raise InvalidRequestError("client", f"must be an AsyncConnectClient, not {type(given).__name__}")
    exchange = client._exchange  # noqa: SLF001 - what the views of a client share
    if exchange.watch is None:
        exchange.watch = Watch()
    if isinstance(exchange.watch.tracer, _Tracer):
        _log.warning("the client is already instrumented; its providers stay as they are")
        return exchange.watch.tracer.owner
    return Instrumentation(exchange, tracer_provider, meter_provider)


class Instrumentation:
    """The instrumentation of a client; `instrument` makes it. In a `with` statement it ends with the block."""

    def __init__(
        self,
        exchange: Exchange,
        tracer_provider: trace.TracerProvider | None,
        meter_provider: metrics.MeterProvider | None,
    ) -> None:
        self._exchange = exchange
        self._tracer = _Tracer(self, tracer_provider, meter_provider)
        if exchange.watch is not None:
            exchange.watch.tracer = self._tracer

    def uninstrument(self) -> None:
        """End the instrumentation. Attempts in flight still end their spans. A second call does nothing."""
        watch = self._exchange.watch
        if watch is None or watch.tracer is not self._tracer:
            return
        watch.tracer = None
        if watch.idle:
            self._exchange.watch = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.uninstrument()


class _Tracer:
    """Makes the spans and metrics of a client."""

    def __init__(
        self,
        owner: Instrumentation,
        tracer_provider: trace.TracerProvider | None,
        meter_provider: metrics.MeterProvider | None,
    ) -> None:
        self.owner = owner
        self.tracer = trace.get_tracer("eightbyeight_async", __version__, tracer_provider)
        meter = metrics.get_meter("eightbyeight_async", __version__, meter_provider)
        self.duration = meter.create_histogram(
            "messaging.client.operation.duration",
            "s",
            "Duration of an attempt, from its handover to the transport until its end.",
            explicit_bucket_boundaries_advisory=_BOUNDS,
        )
        self.messages = meter.create_counter(
            "messaging.client.sent.messages", "{message}", "Messages that were handed to the transport."
        )
        self.retries = meter.create_counter(
            "messaging.eightbyeight.client.retries", "{attempt}", "Attempts after the first one of a call."
        )
        self.rate_limited = meter.create_counter(
            "messaging.eightbyeight.client.rate_limited", "{response}", "Answers with HTTP 429."
        )
        self.waits = meter.create_histogram(
            "messaging.eightbyeight.client.wait.duration",
            "s",
            "Duration of a wait for a place, for a turn or before a retry.",
            explicit_bucket_boundaries_advisory=_BOUNDS,
        )

    def start(self, operation: str, subaccount_id: str, url: str, batch_size: int | None) -> _Span:
        return _Span(self, _attributes(operation, subaccount_id, url), batch_size)

    def waited(self, event: WaitEvent) -> None:
        reason = {"messaging.eightbyeight.wait.reason": event.reason}
        self.waits.record(event.seconds, {**_attributes(event.operation, event.subaccount_id, ""), **reason})


class _Span:
    """The span of an attempt. It is the current span until it ends."""

    def __init__(self, tracer: _Tracer, attributes: dict[str, str | int], batch_size: int | None) -> None:
        self._tracer = tracer
        self._attributes = attributes
        self._sends = attributes["messaging.operation.name"] in _SENDS
        more = {} if batch_size is None else {"messaging.batch.message_count": batch_size}
        self._began = time.time_ns()
        self._span = tracer.tracer.start_span(
            _name(attributes),
            kind=trace.SpanKind.PRODUCER if self._sends else trace.SpanKind.CLIENT,
            attributes={**attributes, **more},
            start_time=self._began,
        )
        self._token = context.attach(trace.set_span_in_context(self._span))

    def headers(self) -> dict[str, str] | None:
        if not self._span.get_span_context().trace_flags.sampled:
            return None
        found: dict[str, str] = {}
        propagate.inject(found)
        # A header that cannot be written would make the send fail.
        return {
            name: value
            for name, value in found.items()
            if _NAME.fullmatch(name) and _VALUE.fullmatch(value) and name.lower() not in _OURS
        } or None

    def end(self, event: AttemptEvent) -> None:
        try:
            self._end(event)
        finally:
            context.detach(self._token)
            self._span.end(self._began + round(event.on_wire * 1e9))

    def _end(self, event: AttemptEvent) -> None:
        of_metrics = self._attributes
        if event.error is not None:
            of_metrics = {**of_metrics, "error.type": event.error}
            self._span.set_status(trace.StatusCode.ERROR)
        self._span.set_attributes(_found(event))
        self._tracer.duration.record(event.on_wire, of_metrics)
        if self._sends and event.request_bytes:
            self._tracer.messages.add(event.batch_size or 1, of_metrics)
        if event.attempt > 1:
            self._tracer.retries.add(1, self._attributes)
        if event.status == 429:
            self._tracer.rate_limited.add(1, self._attributes)


@lru_cache(maxsize=256)
def _attributes(operation: str, subaccount_id: str, url: str) -> dict[str, str | int]:
    """Returns the attributes that spans and metrics share. `url`: URL of the host; empty if there is none."""
    api, _, name = operation.partition(".")
    found: dict[str, str | int] = {
        "messaging.system": _SYSTEM,
        "messaging.operation.name": name,
        "messaging.eightbyeight.api": api,
    }
    if name in _SENDS:
        found["messaging.operation.type"] = "send"
    if api != "account":
        found["messaging.destination.name"] = subaccount_id
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is not None:
        found["server.address"] = host
        found["server.port"] = port or (80 if parts.scheme == "http" else 443)
    return found


def _name(attributes: dict[str, str | int]) -> str:
    """Returns the span's name: the operation and its destination, or its server if it has no destination."""
    where = attributes.get("messaging.destination.name")
    if where is None and "server.address" in attributes:
        where = f"{attributes['server.address']}:{attributes['server.port']}"
    return " ".join(str(part) for part in (attributes["messaging.operation.name"], where) if part is not None)


def _found(event: AttemptEvent) -> dict[str, str | int | float]:
    """Returns the attributes of a span that describe its end."""
    found = {
        "messaging.message.id": event.umid,
        "http.response.status_code": event.status,
        "http.request.resend_count": event.attempt - 1 or None,
        "messaging.eightbyeight.code": event.code,
        "messaging.eightbyeight.sent": None if event.sent is None else event.sent.value,
        "messaging.eightbyeight.waited": event.waited or None,
        "error.type": event.error,
    }
    return {name: value for name, value in found.items() if value is not None}
