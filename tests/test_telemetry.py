"""`telemetry.instrument`: OpenTelemetry's own SDK gets spans and metrics of every attempt, and the API gets the
context.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from frame_locals import CODE, NUMBER, TEXT, leaks, secrets_in
from opentelemetry import baggage, context, propagate, trace
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode
from patience import all_blocked, seen
from scripted import QUEUED, ScriptedServer, answer
from shared_sandbox import emptied

from eightbyeight_async import (
    AsyncConnectClient,
    BatchSmsRequest,
    EightByEightError,
    InvalidRequestError,
    NotFoundError,
    RateLimitError,
    RetryPolicy,
    SmsRequest,
    TransportTimeoutError,
)
from eightbyeight_async.sandbox import Fault, Sandbox
from eightbyeight_async.telemetry import Instrumentation, instrument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.sdk.trace import ReadableSpan

    Serve = Callable[..., ScriptedServer]
    Connect = Callable[..., AsyncConnectClient]

pytestmark = pytest.mark.anyio

SMS = SmsRequest(destination=NUMBER, text=TEXT)
SOON = RetryPolicy(initial_delay=0.001, max_delay=0.001, jitter=0.0)
UMID = "f2ea5276-a824-e711-8146-022a22cc1c71"


class Watched:
    """Providers of a tracer and a meter, and the data that they exported."""

    def __init__(self, **options: Any) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracer_provider = TracerProvider(**options)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meter_provider = MeterProvider([self.reader])

    def instrument(self, client: AsyncConnectClient) -> Instrumentation:
        return instrument(client, tracer_provider=self.tracer_provider, meter_provider=self.meter_provider)

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self.exporter.get_finished_spans()

    def points(self, name: str) -> list[Any]:
        """Returns the points of a metric. Repeated calls return the same points if nothing was added."""
        data = self.reader.get_metrics_data()
        found = [
            metric
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
        ]
        return [point for metric in found for point in metric.data.data_points]

    def total(self, name: str, **attributes: Any) -> float:
        """Returns the sum of a counter, or the number of records of a histogram, for the given attributes."""
        wanted = {key.replace("__", "."): value for key, value in attributes.items()}
        return sum(
            point.value if hasattr(point, "value") else point.count
            for point in self.points(name)
            if wanted.items() <= dict(point.attributes).items()
        )


@pytest.fixture
def watched() -> Iterator[Watched]:
    """At the end of each test, checks that the exported data contains no number, text or key."""
    found = Watched()
    yield found
    shown = " ".join(span.to_json() for span in found.spans)
    data = found.reader.get_metrics_data()
    shown += data.to_json() if data else ""
    found.tracer_provider.shutdown()
    found.meter_provider.shutdown()
    assert secrets_in(shown) == []


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox(details_limit=None) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    return emptied(running)


def shared(sandbox: Sandbox, name: str, **more: Any) -> dict[str, Any]:
    port = int(sandbox.sms_base_url.rpartition(":")[2])
    return {
        "messaging.system": "eightbyeight",
        "messaging.operation.name": name,
        "messaging.eightbyeight.api": "sms",
        "messaging.destination.name": sandbox.subaccount_id,
        "server.address": "localhost",
        "server.port": port,
        **more,
    }


async def test_a_send_by_the_conventions(sandbox: Sandbox, watched: Watched) -> None:
    async with sandbox.client() as client:
        with watched.instrument(client), watched.tracer_provider.get_tracer("app").start_as_current_span("order"):
            receipt = await client.sms.send(SMS)
    span, order = watched.spans
    attributes = shared(sandbox, "send", **{"messaging.operation.type": "send"})
    more = {"messaging.message.id": receipt.umid, "http.response.status_code": 200}
    assert span.name == f"send {sandbox.subaccount_id}"
    assert span.kind is SpanKind.PRODUCER
    assert dict(span.attributes or {}) == {**attributes, **more}
    assert span.status.status_code is StatusCode.UNSET
    assert span.events == ()
    assert span.parent is not None
    assert span.parent.span_id == order.context.span_id
    assert order.start_time < span.start_time < span.end_time < order.end_time
    (point,) = watched.points("messaging.client.operation.duration")
    assert dict(point.attributes) == attributes
    assert point.explicit_bounds == (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
    assert round(point.sum * 1e9) == span.end_time - span.start_time
    (sent,) = watched.points("messaging.client.sent.messages")
    assert (dict(sent.attributes), sent.value) == (attributes, 1)
    (request,) = sandbox.requests
    carried = f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-"
    assert request.headers["traceparent"].startswith(carried)


async def test_a_batch_and_its_cancellation(sandbox: Sandbox, watched: Watched) -> None:
    batch = BatchSmsRequest(messages=[SMS, SmsRequest(destination="+6598765433", text=TEXT)])
    async with sandbox.client() as client:
        watched.instrument(client)
        answered = await client.sms.send_batch(batch)
        await client.sms.cancel_batch(answered.batch_id)
        with pytest.raises(NotFoundError):
            await client.sms.cancel(UMID)
        with pytest.raises(NotFoundError):
            await client.chatapps.cancel(UMID)
    sent, all_of_it, one, chat = watched.spans
    expected = shared(sandbox, "send_batch", **{"messaging.operation.type": "send"})
    expected |= {"messaging.batch.message_count": 2, "http.response.status_code": 200}
    assert (sent.name, sent.kind) == (f"send_batch {sandbox.subaccount_id}", SpanKind.PRODUCER)
    assert dict(sent.attributes or {}) == expected
    assert (all_of_it.name, all_of_it.kind) == (f"cancel_batch {sandbox.subaccount_id}", SpanKind.CLIENT)
    failure = {
        "error.type": "NotFoundError",
        "http.response.status_code": 404,
        "messaging.eightbyeight.code": 1300,
        "messaging.eightbyeight.sent": "no",
        "messaging.message.id": UMID,
    }
    assert dict(one.attributes or {}) == {**shared(sandbox, "cancel"), **failure}
    assert one.status.status_code is StatusCode.ERROR
    assert chat.attributes is not None
    assert chat.attributes["messaging.eightbyeight.api"] == "chatapps"
    assert watched.total("messaging.client.sent.messages") == 2
    assert watched.total("messaging.client.operation.duration") == 4
    assert watched.total("messaging.client.operation.duration", error__type="NotFoundError") == 2


async def test_retries_and_rate_limits_are_counted(sandbox: Sandbox, watched: Watched) -> None:
    sandbox.faults.plan([Fault.server_error(times=2), None, Fault.too_many_requests()])
    async with sandbox.client(retry=SOON) as client:
        watched.instrument(client)
        await client.sms.send(SMS)
        with pytest.raises(RateLimitError) as caught:
            await client.sms.send(SMS)
    assert leaks(caught.value) == []
    found = [dict(span.attributes or {}) for span in watched.spans]
    assert [a.get("error.type") for a in found] == ["ServerError", "ServerError", None, "RateLimitError"]
    assert [a.get("messaging.eightbyeight.code") for a in found] == [2000, 2000, None, 429]
    assert [a.get("messaging.eightbyeight.sent") for a in found] == ["maybe", "maybe", None, "no"]
    assert [a.get("http.request.resend_count") for a in found] == [None, 1, 2, None]
    assert [a["http.response.status_code"] for a in found] == [500, 500, 200, 429]
    assert watched.total("messaging.eightbyeight.client.retries") == 2
    assert watched.total("messaging.eightbyeight.client.rate_limited") == 1
    assert watched.total("messaging.client.sent.messages") == 4
    reason = {"messaging__eightbyeight__wait__reason": "retry"}
    assert watched.total("messaging.eightbyeight.client.wait.duration", **reason) == 2
    assert len({span.context.trace_id for span in watched.spans}) == 4  # without a parent span: four traces


async def test_fifty_at_once(sandbox: Sandbox, watched: Watched) -> None:
    """Each request carries its own span. All are children of the span around the fan-out, and none is the child of
    another.
    """
    requests = [SmsRequest(destination=f"+65987654{number:02}", text=TEXT) for number in range(50)]
    async with sandbox.client(max_concurrency=10) as client:
        with watched.instrument(client), watched.tracer_provider.get_tracer("app").start_as_current_span("news"):
            async with client.sms.send_each(requests, max_concurrency=50) as results:
                umids = {result.response.umid async for result in results if result.ok}
    *spans, news = watched.spans
    assert {span.attributes["messaging.message.id"] for span in spans if span.attributes} == umids
    assert len(umids) == 50
    assert {span.parent and span.parent.span_id for span in spans} == {news.context.span_id}
    carried = {request.headers["traceparent"].split("-")[2] for request in sandbox.requests}
    assert carried == {f"{span.context.span_id:016x}" for span in spans}
    assert watched.total("messaging.client.sent.messages") == 50


async def test_waiting_is_counted_by_its_reason(serve: Serve, connect: Connect, watched: Watched) -> None:
    gate = threading.Event()
    with serve(gate=gate) as server:
        async with connect(server, max_concurrency=1, max_rate=1000.0) as client:
            watched.instrument(client)
            async with anyio.create_task_group() as group:
                for _ in range(3):
                    group.start_soon(client.sms.send, SMS)
                await seen(lambda: client._exchange.limiter.waiting == 2)
                gate.set()
    reason = {"messaging__eightbyeight__wait__reason": "limiter"}
    assert watched.total("messaging.eightbyeight.client.wait.duration", **reason) == 2
    waited = [(span.attributes or {}).get("messaging.eightbyeight.waited") for span in watched.spans]
    assert [seconds is None for seconds in waited] == [True, False, False]


async def test_the_ends_without_an_answer(serve: Serve, connect: Connect, watched: Watched) -> None:
    """Cancelled in flight, cancelled in the queue, timed out in the queue."""
    gate = threading.Event()
    with serve(gate=gate) as server:
        async with connect(server, max_concurrency=1) as client:
            watched.instrument(client)
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as group:
                    group.start_soon(client.sms.send, SMS)
                    await seen(lambda: server.received)
                    with anyio.CancelScope() as queued:
                        async with anyio.create_task_group() as inner:
                            inner.start_soon(client.sms.cancel, UMID)
                            inner.start_soon(client.sms.send, SMS)
                            await all_blocked()
                            queued.cancel()
                    with pytest.raises(TransportTimeoutError):
                        await client.with_options(deadline=0.01).sms.get(UMID)
                    scope.cancel()
    found = [
        (span.name.split()[0], a["error.type"], a["messaging.eightbyeight.sent"], span.end_time == span.start_time)
        for span in watched.spans
        if (a := span.attributes) is not None
    ]
    assert sorted(found[:2]) == [("cancel", "CancelledError", "no", True), ("send", "CancelledError", "no", True)]
    assert found[2:] == [
        ("get", "TransportTimeoutError", "no", True),
        ("send", "CancelledError", "maybe", False),
    ]
    assert all(span.status.status_code is StatusCode.ERROR for span in watched.spans)
    assert watched.total("messaging.client.sent.messages") == 1
    assert trace.get_current_span() is trace.INVALID_SPAN  # no span stays in the context


async def test_a_log_export(sandbox: Sandbox, watched: Watched) -> None:
    """A file may be on another company's host: its request has no context, and no attribute contains its link."""
    sandbox.exports.polls = 0  # a job that is not ready at the first look makes the test wait 2 s
    async with sandbox.client() as client:
        await client.sms.send(SMS)
        watched.instrument(client)
        rows = [row async for row in client.sms.iter_log_rows(await client.sms.start_log_export())]
    assert len(rows) == 1
    last = watched.spans[-1]
    assert (last.name, last.kind) == (f"download_log_file {sandbox.subaccount_id}", SpanKind.CLIENT)
    assert "download/" not in last.to_json()
    assert ["traceparent" in request.headers for request in sandbox.requests][-1] is False
    assert "traceparent" in sandbox.requests[-2].headers


async def test_the_account_has_no_destination(serve: Serve, connect: Connect, watched: Watched) -> None:
    with serve(answer(200, '{"balance": 1, "currency": "USD"}')) as server:
        async with connect(server) as client:
            watched.instrument(client)
            await client.account.balance()
        where = server.url.removeprefix("https://")
    (span,) = watched.spans
    assert span.name == f"balance {where}"
    assert "messaging.destination.name" not in (span.attributes or {})


async def test_two_clients_and_their_views(sandbox: Sandbox, watched: Watched) -> None:
    other = Watched()
    async with sandbox.client() as one, sandbox.client() as two, sandbox.client() as three:
        watched.instrument(one)
        other.instrument(two.with_options(timeout=5.0))
        for client in (one, one.with_options(timeout=7.0), two, three):
            await client.sms.send(SMS)
    assert (len(watched.spans), len(other.spans)) == (2, 1)
    assert ["traceparent" in request.headers for request in sandbox.requests] == [True, True, True, False]


async def test_switched_off_and_on_again(sandbox: Sandbox, watched: Watched) -> None:
    async with sandbox.client() as client:
        first = watched.instrument(client)
        await client.sms.send(SMS)
        first.uninstrument()
        assert client._exchange.watch is None
        await client.sms.send(SMS)
        second = watched.instrument(client)
        first.uninstrument()  # ends the first instrumentation, which has ended already
        await client.sms.send(SMS)
        with second:
            pass
        await client.sms.send(SMS)
    assert len(watched.spans) == 2
    assert ["traceparent" in request.headers for request in sandbox.requests] == [True, False, True, False]


async def test_switched_off_while_a_request_is_on_the_wire(serve: Serve, connect: Connect, watched: Watched) -> None:
    gate = threading.Event()
    with serve(gate=gate) as server:
        async with connect(server) as client, anyio.create_task_group() as group:
            with watched.instrument(client):
                group.start_soon(client.sms.send, SMS)
                await seen(lambda: server.received)
            gate.set()
    (span,) = watched.spans
    assert span.status.status_code is StatusCode.UNSET


async def test_instrumented_twice_is_instrumented_once(
    sandbox: Sandbox, watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    other = Watched()
    async with sandbox.client() as client:
        first = watched.instrument(client)
        assert caplog.records == []
        assert other.instrument(client.with_options(timeout=5.0)) is first
        assert "already instrumented" in caplog.text
        await client.sms.send(SMS)
    assert (len(watched.spans), len(other.spans)) == (1, 0)


async def test_the_hooks_of_the_client_stay(sandbox: Sandbox, watched: Watched) -> None:
    """`on_attempt` runs inside the span, so its log lines can name the trace."""
    inside: list[int] = []

    def note(_: object) -> None:
        inside.append(trace.get_current_span().get_span_context().span_id)

    async with sandbox.client(on_attempt=note) as client:
        with watched.instrument(client):
            await client.sms.send(SMS)
        await client.sms.send(SMS)
    assert inside == [watched.spans[0].context.span_id, 0]


async def test_a_hook_that_stops_the_program_still_ends_the_span(sandbox: Sandbox, watched: Watched) -> None:
    def stop(_: object) -> None:
        raise KeyboardInterrupt

    async with sandbox.client(on_attempt=stop) as client:
        watched.instrument(client)
        with pytest.raises(KeyboardInterrupt):
            await client.sms.send(SMS)
    assert len(watched.spans) == 1
    assert trace.get_current_span() is trace.INVALID_SPAN


@pytest.mark.parametrize("way", ["default", "event_hooks", "http_client", "http2"])
async def test_every_transport_carries_the_context(
    serve: Serve, connect: Connect, tls: Any, watched: Watched, way: str
) -> None:
    options: dict[str, Any] = {}
    if way == "event_hooks":

        async def hook(_: httpx.Request) -> None: ...

        options["event_hooks"] = {"request": [hook]}
    if way == "http2":
        options["http2"] = True
    with serve(answer(500, '{"code": 2000}'), QUEUED) as server:
        async with httpx.AsyncClient(verify=tls) as http:
            if way == "http_client":
                options["http_client"] = http
            async with connect(server, retry=SOON, **options) as client:
                watched.instrument(client)
                await client.sms.send(SMS)
    carried = [request.headers["traceparent"] for request in server.received]
    assert [header.split("-")[2] for header in carried] == [f"{s.context.span_id:016x}" for s in watched.spans]
    assert len(set(carried)) == 2
    assert all(request.headers["content-type"] == "application/json" for request in server.received)


async def test_httpx_spans_are_children(serve: Serve, connect: Connect, watched: Watched) -> None:
    with serve() as server:
        async with connect(server) as client:
            HTTPXClientInstrumentor().instrument_client(client.http, tracer_provider=watched.tracer_provider)
            watched.instrument(client)
            await client.sms.send(SMS)
    http, send = watched.spans
    assert (http.name, http.parent and http.parent.span_id) == ("POST", send.context.span_id)
    (request,) = server.received
    assert request.headers["traceparent"].split("-")[2] == f"{http.context.span_id:016x}"


async def test_no_header_for_a_trace_that_is_not_sampled(sandbox: Sandbox) -> None:
    unsampled = Watched(sampler=ALWAYS_OFF)
    async with sandbox.client() as client:
        unsampled.instrument(client)
        await client.sms.send(SMS)
        assert client._exchange.watch is not None
    assert unsampled.spans == ()
    assert unsampled.total("messaging.client.sent.messages") == 1  # metrics are not sampled
    assert "traceparent" not in sandbox.requests[0].headers


async def test_no_header_without_an_sdk(sandbox: Sandbox) -> None:
    async with sandbox.client() as client:
        with instrument(client):
            await client.sms.send(SMS)
    assert "traceparent" not in sandbox.requests[0].headers


class Propagator(propagate.textmap.TextMapPropagator):
    """Injects the given fields."""

    fields = frozenset[str]()

    def __init__(self, **headers: str) -> None:
        self._headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def extract(self, *args: Any, **kwargs: Any) -> Any: ...

    def inject(self, carrier: Any, *args: Any, **kwargs: Any) -> None:
        carrier.update(self._headers)


@pytest.fixture
def propagator() -> Iterator[Callable[..., None]]:
    before = propagate.get_global_textmap()
    yield lambda **headers: propagate.set_global_textmap(Propagator(**headers))
    propagate.set_global_textmap(before)


async def test_no_header_without_a_propagator(
    sandbox: Sandbox, watched: Watched, propagator: Callable[..., None]
) -> None:
    propagator()
    async with sandbox.client() as client:
        watched.instrument(client)
        await client.sms.send(SMS)
    assert "traceparent" not in sandbox.requests[0].headers
    assert len(watched.spans) == 1


async def test_a_propagator_replaces_no_header_and_breaks_no_send(
    serve: Serve, connect: Connect, watched: Watched, propagator: Callable[..., None]
) -> None:
    propagator(
        b3="80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1",
        Authorization="Bearer other",
        Content_Length="7",
        Host="elsewhere",
        x_line="a\r\nX-Evil: 1",
        x_wide="\u00e9",
        x_empty="",
    )
    with serve() as server:
        async with connect(server) as client:
            watched.instrument(client)
            assert (await client.sms.send(SMS)).ok
        where = server.url.removeprefix("https://")
    headers = server.received[0].headers
    assert headers["b3"].startswith("80f198ee")
    assert headers["authorization"] == "Bearer key-2f6c1a9be07d"
    assert headers["host"] == where
    assert not {"x-line", "x-evil", "x-wide", "x-empty"} & set(headers)


async def test_baggage_is_carried_as_the_application_set_it(sandbox: Sandbox, watched: Watched) -> None:
    async with sandbox.client() as client:
        watched.instrument(client)
        token = context.attach(baggage.set_baggage("tenant", "a b"))
        try:
            await client.sms.send(SMS)
        finally:
            context.detach(token)
    assert sandbox.requests[0].headers["baggage"] == "tenant=a+b"


class Broken(SpanProcessor):
    """Raises in every method."""

    def __init__(self, where: str) -> None:
        self._where = where

    def on_start(self, *args: Any, **kwargs: Any) -> None:
        self._raise("start")

    def on_end(self, span: Any) -> None:
        self._raise("end")

    def _raise(self, place: str) -> None:
        if place == self._where:
            secret = f"{TEXT} for {NUMBER}"
            raise ValueError(secret)


@pytest.mark.parametrize("where", ["start", "end"])
async def test_a_processor_that_raises_breaks_no_send(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    broken = Watched()
    broken.tracer_provider.add_span_processor(Broken(where))
    async with sandbox.client() as client:
        broken.instrument(client)
        assert (await client.sms.send(SMS)).ok
    assert len(sandbox.messages) == 1
    records = [record for record in caplog.records if record.name == "eightbyeight_async"]
    assert [record.levelno for record in records] == [logging.ERROR]
    assert records[0].getMessage().startswith("telemetry raised ValueError")
    assert CODE not in caplog.text
    assert trace.get_current_span() is trace.INVALID_SPAN


async def test_a_propagator_that_raises_breaks_no_send(
    sandbox: Sandbox, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(propagate, "inject", lambda carrier: 1 / 0)
    async with sandbox.client() as client:
        watched.instrument(client)
        assert (await client.sms.send(SMS)).ok
    assert len(watched.spans) == 1


async def test_a_failed_call_shows_no_secret(serve: Serve, connect: Connect, watched: Watched) -> None:
    with serve(None) as server:
        async with connect(server) as client:
            watched.instrument(client)
            with pytest.raises(EightByEightError) as caught:
                await client.sms.send(SMS)
    assert leaks(caught.value) == []


@pytest.mark.parametrize("client", [None, "client", AsyncConnectClient])
def test_what_is_no_client_is_refused(client: Any) -> None:
    with pytest.raises(InvalidRequestError, match="client: must be an AsyncConnectClient, not "):
        instrument(client)


def test_without_the_package_the_error_names_the_extra() -> None:
    code = "import sys; sys.modules['opentelemetry'] = None; import eightbyeight_async.telemetry"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603
    assert run.returncode == 1
    last = run.stderr.splitlines()[-1]
    assert last.endswith('telemetry needs opentelemetry-api: pip install "eightbyeight-async[otel]"')
