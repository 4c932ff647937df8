"""The figures that a test can read: peaks, rates, violations. None of them shows a secret."""

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from patience import PATIENCE, seen, until

from eightbyeight_async.sandbox import Delivery, Sandbox, SandboxMessage
from eightbyeight_async.sandbox.api.operation_results import Refusal
from eightbyeight_async.sandbox.api.rate_limit import RateLimit

pytestmark = pytest.mark.usefixtures("each_loop")


async def burst(sandbox: Sandbox, requests: int, connections: int) -> list[int]:
    url = f"{sandbox.sms_base_url}/api/v1/subaccounts/sandbox-account/messages"
    headers = {"Authorization": f"Bearer {sandbox.api_key}"}
    limits = httpx.Limits(max_connections=connections)
    # Not aiohttp: it closes the connections of cancelled requests only after its session has ended, or never.
    async with httpx.AsyncClient(
        verify=sandbox.ssl_context(), headers=headers, limits=limits, timeout=PATIENCE
    ) as session:

        async def one(number: int) -> int:
            answer = await session.post(url, json={"destination": f"+1202{number:07}", "text": "a"})
            return answer.status_code

        return list(await asyncio.gather(*(one(n) for n in range(requests))))


def test_the_peak_in_flight_is_the_callers_bound() -> None:
    async def hold(sandbox: Sandbox) -> None:
        asking = asyncio.ensure_future(burst(sandbox, 60, 12))
        # httpx writes the head before the body. The sandbox counts a request only when the body has come.
        await seen(lambda: sandbox.traffic.in_flight == sandbox.traffic.requests == len(sandbox.messages) == 12)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)

    with Sandbox(latency=10 * PATIENCE) as sandbox:
        asyncio.run(hold(sandbox))
        assert (sandbox.traffic.connections, sandbox.traffic.handshakes["TLSv1.3"]) == (12, 12)
        until(lambda: sandbox.traffic.in_flight == 0)
        sandbox.latency = 0
        assert asyncio.run(burst(sandbox, 60, 12)) == [200] * 60
        assert sandbox.traffic.peak_in_flight == 12
        assert (sandbox.traffic.requests, sandbox.traffic.in_flight) == (72, 0)
        assert len({m.umid for m in sandbox.messages}) == 72


def test_above_the_rate_comes_429_with_retry_after(api: Any) -> None:
    api.sandbox.rate_limit = 5
    api.sandbox._state.rate_limit._monotonic = lambda: 100.0  # all requests have the same time, even on a slow machine
    answers = [api.send() for _ in range(8)]
    assert [a.status_code for a in answers] == [200] * 5 + [429] * 3
    assert {a.headers["retry-after"] for a in answers[5:]} == {"1"}
    assert len(api.sandbox.messages) == 5
    api.sandbox.rate_limit = None
    assert api.send().status_code == 200
    with pytest.raises(ValueError, match="rate_limit"):
        api.sandbox.rate_limit = 0


def test_the_rate_is_a_sliding_second_of_each_subaccount() -> None:
    now = 100.0
    pace = RateLimit(2, lambda: now)
    pace.admit("a")
    now = 100.6
    pace.admit("a")
    for moment in (100.7, 100.99):
        now = moment
        with pytest.raises(Refusal) as refusal:
            pace.admit("a")
        assert (refusal.value.status, refusal.value.headers) == (429, {"Retry-After": "1"})
    pace.admit("b")
    now = 101.01
    pace.admit("a")
    with pytest.raises(Refusal):
        pace.admit("a")


def test_what_the_documents_do_not_know_is_remembered(api: Any) -> None:
    api.send(colour="red", source=None)
    api.post(
        "/messages/batch",
        {"messages": [{"destination": "+12025550275", "text": "a", "x": 1}] * 3, "template": {"y": 1}},
    )
    api.chat(user={"msisdn": "+6512341234", "name": "n"}, content={"text": "a", "url": None})
    api.delete("/messages/x?now=1", content=b"{}", headers={"Accept": "text/html"})
    assert [str(v) for v in api.sandbox.violations] == [
        "sms send: null at body.source",
        "sms send: unknown field body.colour",
        "sms send_batch: unknown field body.messages[].x",
        "sms send_batch: unknown field body.template.y",
        "chatapps send: null at body.content.url",
        "chatapps send: unknown field body.user.name",
        "sms cancel: a body on DELETE",
        "sms cancel: a query string",
        "sms cancel: header Accept does not allow application/json",
    ]
    assert len(api.sandbox.messages) == 5  # a message over the limit is noted, not refused


def test_the_last_requests_can_be_looked_up_without_the_key(api: Any) -> None:
    api.send(text="")
    [request] = api.sandbox.requests
    assert (request.operation, request.method, request.status) == ("send", "POST", 400)
    assert request.path == "/api/v1/subaccounts/sandbox-account/messages"
    assert request.headers["Authorization"] == "***"
    assert api.sandbox.api_key not in repr(request)


def test_reset_makes_it_as_new_on_the_same_ports(api: Any) -> None:
    sandbox = api.sandbox
    url = sandbox.sms_base_url
    from eightbyeight_async.sandbox import Fault

    sandbox.faults.plan([None, None, Fault.html()])
    sandbox.clock.advance(1000)
    sandbox.rate_limit, sandbox.latency = 2, 0.01
    api.send(colour="red")
    api.send(destination="+999123456")
    sandbox.reset()
    assert (sandbox.messages, sandbox.rejected, sandbox.violations, sandbox.requests) == ([], [], [], [])
    assert (sandbox.traffic.requests, sandbox.traffic.peak_in_flight) == (0, 0)
    assert (sandbox.rate_limit, sandbox.latency, sandbox.sms_base_url) == (None, 0.0, url)
    assert abs((sandbox.clock.now() - datetime.now(UTC)).total_seconds()) < 60
    assert [api.send().status_code for _ in range(4)] == [200] * 4


def test_no_repr_and_no_log_shows_key_number_or_text(api: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore"):
        caplog.set_level(logging.CRITICAL, logger=name)
    api.send(destination="+6598765432", text="very private")
    api.send(destination="+65987654321234567", text="very private")
    api.post("/messages", None, content=b"very private", headers={"Authorization": "Bearer very private"})
    sandbox = api.sandbox
    shown = "\n".join(map(repr, [sandbox, sandbox.messages, sandbox.requests, sandbox.faults, sandbox.traffic]))
    for secret in (sandbox.api_key, "6598765432", "very private"):
        assert secret not in shown + caplog.text
    message: SandboxMessage = sandbox.messages[0]
    assert (message.destination, message.text) == ("+6598765432", "very private")
    assert repr(message) == f"<SandboxMessage {message.umid} sms queued to *********32, 12 characters>"


def test_reset_covers_what_was_looked_up_exported_and_posted(api: Any, serve: Any) -> None:
    sandbox = api.sandbox
    settings = (sandbox.receipts, sandbox.exports, sandbox.deliveries)
    before = [{n: v for n, v in vars(s).items() if not n.startswith("_")} for s in settings]
    service = serve(500)
    sandbox.details_limit = 5
    sandbox.deliveries.default = Delivery(sent_after=5, final_after=5)
    sandbox.deliveries.on_destination("+6598760001", Delivery(outcome="undelivered"))
    receipts, exports = sandbox.receipts, sandbox.exports
    receipts.callback_url, receipts.authorization, receipts.ca_file = service.url, "Bearer x", "x.pem"
    receipts.order, receipts.duplicates, receipts.delay, receipts.seed = "reversed", 3, 1, 9
    receipts.retry_after, receipts.timeout, receipts.concurrency = (5,), PATIENCE, 3
    exports.lag, exports.polls, exports.ready_after, exports.ending = 5, 5, 5, "failed"
    exports.links, exports.rows_per_file, exports.include_rejected = "elsewhere", 1, False
    receipts.ca_file = None
    umid = api.send(clientMessageId="a").json()["umid"]
    api.send(dlrCallbackUrl="https://example.com/")
    api.post(f"/messages/{umid}/feedback", {"outcome": "success"})
    job = api.post("/messages/exports", {}).json()["jobId"]
    sandbox.faults.random(server_error=0.0, too_many=1.0, operations=["cancel"])
    api.delete(f"/messages/{umid}")
    api.http.get(f"{sandbox.storage_base_url}/x")
    sandbox.clock.advance(10)
    receipts.flush(PATIENCE)
    assert receipts.sent
    assert receipts.refused
    assert receipts.waiting
    sandbox.reset()
    assert [{n: v for n, v in vars(s).items() if not n.startswith("_")} for s in settings] == before
    assert (receipts.sent, receipts.refused, receipts.waiting, receipts.seed) == ([], [], 0, 0)
    assert (sandbox.feedback, sandbox.storage_requests, sandbox.details_limit) == ([], [], None)
    assert (sandbox.accepted_counts, sandbox.totals, sandbox.faults.drawn) == ({}, {}, {})
    assert (receipts.callback_url, sandbox.times_accepted("a")) == (None, 0)
    assert api.get(f"/messages/exports/{job}").status_code == 404
    umid = api.send(destination="+6598760001").json()["umid"]
    assert api.get(f"/messages/{umid}").json()["status"]["state"] == "delivered"
    assert api.delete(f"/messages/{umid}").status_code == 200
    assert len(service.posts) == 8
