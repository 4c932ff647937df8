"""Each fault shows the caller what it promises, lasts for the given number of requests, and reports what was kept."""

import asyncio
import itertools
import socket
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from patience import PATIENCE, until

from eightbyeight_async.sandbox import Fault, Sandbox

pytestmark = pytest.mark.usefixtures("each_loop")

NUMBER = "+6591110001"


def kept(api: Any) -> int:
    return len(api.sandbox.messages)


def test_code_2000_twice_then_fine_leaves_one_message(api: Any) -> None:
    api.sandbox.faults.on_destination(NUMBER, Fault.server_error(times=2))
    answers = [api.send(destination=NUMBER) for _ in range(3)]
    assert [(a.status_code, a.json().get("code")) for a in answers] == [(500, 2000), (500, 2000), (200, None)]
    assert kept(api) == 1


def test_a_destination_is_meant_with_or_without_its_plus_and_no_other(api: Any) -> None:
    api.sandbox.faults.on_destination("6591110001", Fault.server_error(), Fault.wrong_subaccount())
    assert api.send().status_code == 200
    codes = [api.send(destination=n).json().get("code") for n in (NUMBER, "6591110001", NUMBER)]
    assert codes == [2000, 1001, None]


def test_an_error_on_any_status_with_retry_after(api: Any) -> None:
    api.sandbox.faults.plan(
        [
            Fault.server_error(status=200, retry_after=2),
            Fault.server_error(code=2001, status=400),
            Fault.wrong_subaccount(),
            Fault.too_many_requests(retry_after=3),
            Fault.error(1400, status=422),
        ]
    )
    answers = [api.send() for _ in range(6)]
    assert [(a.status_code, a.json().get("code")) for a in answers] == [
        (200, 2000),
        (400, 2001),
        (500, 1001),
        (429, 429),
        (422, 1400),
        (200, None),
    ]
    assert [a.headers.get("retry-after") for a in answers[:4]] == ["2", None, None, "3"]
    assert set(answers[0].json()) == {"code", "message", "errorId", "timestamp"}
    assert kept(api) == 1


def test_a_plan_goes_request_by_request_with_gaps(api: Any) -> None:
    api.sandbox.faults.plan([None, Fault.html(times=2), None, Fault.empty_body()])
    assert [api.send().status_code for _ in range(6)] == [200, 502, 502, 200, 502, 200]


def test_a_plan_may_be_endless_until_cleared(api: Any) -> None:
    api.sandbox.faults.plan(itertools.cycle([Fault.server_error(), None]))
    assert [api.send().status_code for _ in range(4)] == [500, 200, 500, 200]
    api.sandbox.faults.plan([Fault.server_error(times=None)])
    assert [api.send().status_code for _ in range(3)] == [500, 500, 500]
    api.sandbox.faults.clear()
    assert api.send().status_code == 200


@pytest.mark.parametrize(("fault", "messages"), [(Fault.accept_then_drop, 1), (Fault.drop_before_accept, 0)])
def test_a_dropped_connection_has_no_answer(api: Any, fault: Any, messages: int) -> None:
    api.sandbox.faults.on_destination(NUMBER, fault())
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        api.send(destination=NUMBER)
    assert kept(api) == messages
    assert api.sandbox.requests[-1].status is None
    assert api.send(destination=NUMBER).status_code == 200


def test_a_dropped_connection_may_end_with_a_reset(sandbox: Sandbox) -> None:
    """The test uses asyncio, because Python's blocking ssl sockets report a reset as an end of file."""

    async def read_answer() -> bytes:
        port = int(sandbox.sms_base_url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("localhost", port, ssl=sandbox.ssl_context())
        try:
            path = b"/api/v1/subaccounts/sandbox-account/messages/x"
            key = sandbox.api_key.encode()
            writer.write(b"DELETE %b HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %b\r\n\r\n" % (path, key))
            return await reader.read()
        finally:
            writer.transport.abort()

    sandbox.faults.plan([Fault.drop_before_accept(reset=True), Fault.drop_before_accept()])
    with pytest.raises(ConnectionResetError):
        asyncio.run(read_answer())
    assert asyncio.run(read_answer()) == b""


def test_a_slow_answer_is_kept_before_it_is_given(api: Any) -> None:
    """A caller that stops waiting has sent a message."""
    sandbox = api.sandbox
    sandbox.faults.on_destination(NUMBER, Fault.slow(10 * PATIENCE))
    request = api.http.build_request(
        "POST",
        f"{sandbox.sms_base_url}/api/v1/subaccounts/sandbox-account/messages",
        json={"destination": NUMBER, "text": "a"},
        headers={"Authorization": f"Bearer {sandbox.api_key}"},
    )
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    head = "\r\n".join([f"POST {request.url.path} HTTP/1.1", *lines, "", ""])
    port = request.url.port
    with (
        socket.create_connection(("127.0.0.1", port), PATIENCE) as raw,
        sandbox.ssl_context().wrap_socket(raw, server_hostname="localhost") as impatient,
    ):
        impatient.sendall(head.encode() + request.content)
        until(lambda: kept(api) == 1)
        assert sandbox.traffic.in_flight == 1
    until(lambda: sandbox.traffic.in_flight == 0)
    assert kept(api) == 1
    api.sandbox.faults.plan([Fault.slow(0.1)])
    began = time.perf_counter()
    assert api.send().status_code == 200
    assert time.perf_counter() - began >= 0.1


def test_bodies_that_are_no_error_body(api: Any) -> None:
    api.sandbox.faults.plan(
        [
            Fault.html(),
            Fault.empty_body(status=500),
            Fault.without_code(),
            Fault.code_as_string(),
            Fault.list_body(),
            Fault.answer(b"x" * 1_000_000, status=503, content_type="text/plain", headers={"X-A": "b"}),
        ]
    )
    html, empty, without, string, listed, any_body = (api.send() for _ in range(6))
    assert (html.status_code, html.headers["content-type"]) == (502, "text/html")
    assert html.text.startswith("<html>")
    assert (empty.status_code, empty.content) == (500, b"")
    assert (without.status_code, "code" in without.json()) == (500, False)
    assert (string.status_code, string.json()["code"]) == (500, "2000")
    assert (listed.status_code, isinstance(listed.json(), list)) == (500, True)
    assert (any_body.status_code, len(any_body.content), any_body.headers["x-a"]) == (503, 1_000_000, "b")
    assert kept(api) == 0


def test_a_truncated_body_is_shorter_than_it_says(api: Any) -> None:
    api.sandbox.faults.plan([Fault.truncated_body()])
    with pytest.raises(httpx.RemoteProtocolError, match="incomplete message body|peer closed"):
        api.send()
    assert kept(api) == 1


def test_raw_bytes_are_sent_as_they_are(api: Any) -> None:
    api.sandbox.faults.plan([Fault.raw(b"HTTP/1.1 200 OK\r\n\r\n{}"), Fault.raw(b"SSH-2.0\r\n"), Fault.raw(b"")])
    assert api.send().json() == {}
    for _ in range(2):
        with pytest.raises(httpx.RemoteProtocolError):
            api.send()


def test_any_fault_can_be_one_that_takes_effect_late(api: Any) -> None:
    api.sandbox.faults.plan([Fault.html(accepts=True, delay=0.05), Fault.server_error(accepts=True)])
    assert [api.send().status_code for _ in range(2)] == [502, 500]
    assert kept(api) == 2


def test_cancels_have_faults_by_id_and_by_plan(api: Any) -> None:
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    umid = api.send(scheduled=soon).json()["umid"]
    api.sandbox.faults.on_cancel(umid, Fault.server_error(), Fault.accept_then_drop())
    assert api.delete(f"/messages/{umid}").status_code == 500
    assert api.sandbox.messages[0].state == "scheduled"
    with pytest.raises(httpx.TransportError):
        api.delete(f"/messages/{umid}")
    assert api.sandbox.messages[0].state == "cancelled"
    assert api.delete(f"/messages/{umid}").json() == {"cancelledCount": 0}
    api.sandbox.faults.plan([Fault.wrong_subaccount()])
    assert api.delete(f"/messages/{umid}").json()["code"] == 1001


def test_a_batch_meets_the_fault_of_any_of_its_destinations(api: Any) -> None:
    api.sandbox.faults.on_destination(NUMBER, Fault.server_error())
    batch = {"messages": [{"destination": n, "text": "a"} for n in ("+6591110009", NUMBER)]}
    assert [api.post("/messages/batch", batch).status_code for _ in range(2)] == [500, 200]
    assert kept(api) == 2


def test_faults_wait_for_requests_with_a_valid_key(api: Any) -> None:
    api.sandbox.faults.plan([Fault.html()])
    assert api.post("/messages", {}, headers={"Authorization": "Bearer x"}).status_code == 401
    assert api.send().status_code == 502


def test_latency_is_added_to_every_answer(api: Any) -> None:
    api.sandbox.latency = 0.1
    began = time.perf_counter()
    assert api.send().status_code == 200
    assert api.send(text="").status_code == 400
    assert time.perf_counter() - began >= 0.2


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="times"):
        Fault.server_error(times=0)
