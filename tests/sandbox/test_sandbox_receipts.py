"""Receipts and inbound messages reach a callback URL on this machine, as configured, and never another address."""

import asyncio
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trio
import trustme
from aiohttp import web
from forwarding import closed_port
from patience import PATIENCE, until

from eightbyeight_async.sandbox import Delivery, Sandbox
from eightbyeight_async.sandbox.webhooks.loopback_only import loopback_url


def test_an_sms_receipt_has_the_documented_envelope(api: Any, service: Any) -> None:
    api.sandbox.receipts.authorization = "Bearer 9QQhlsEb8VY"
    message = {"destination": "6598765432", "text": "a" * 320, "source": "8x8", "clientMessageId": "mine"}
    batch = {"clientBatchId": "b", "messages": [message], "template": {"dlrCallbackUrl": service.url}}
    batch_id = api.post("/messages/batch", batch).json()["batchId"]
    api.sandbox.receipts.flush(PATIENCE)
    [(headers, sent), (_, delivered)] = service.posts
    assert headers["Authorization"] == "Bearer 9QQhlsEb8VY"
    assert headers["Content-Type"].startswith("application/json")
    assert sent["payload"]["status"]["state"] == "sent"
    timestamp = delivered["payload"]["status"].pop("timestamp")
    assert abs(datetime.fromisoformat(timestamp) - datetime.now(UTC)) < timedelta(minutes=1)
    assert delivered == {
        "namespace": "SMS",
        "eventType": "outbound_message_status_changed",
        "description": "SMS outbound message delivery receipt",
        "payload": {
            "umid": api.sandbox.messages[0].umid,
            "batchId": batch_id,
            "clientMessageId": "mine",
            "clientBatchId": "b",
            "subAccountId": "sandbox-account",
            "source": "8x8",
            "destination": "+6598765432",
            "status": {"state": "delivered", "detail": "delivered_to_recipient"},
            "price": {"total": 0.0036, "perSms": 0.0012, "currency": "EUR"},
            "smsCount": 3,
        },
    }
    assert [(r.state, r.attempt, r.status) for r in api.sandbox.receipts.sent] == [
        ("sent", 1, 200),
        ("delivered", 1, 200),
    ]


def test_a_chatapps_receipt_names_channel_and_user_and_may_be_read(api: Any, service: Any) -> None:
    api.sandbox.deliveries.default = Delivery(read_after=60)
    api.chat(dlrCallbackUrl=service.url, channels=[{"channel": "Viber"}], clientMessageId="c")
    api.sandbox.receipts.flush(PATIENCE)
    assert service.states == [("c", "sent"), ("c", "delivered")]
    api.sandbox.clock.advance(60)
    api.sandbox.receipts.flush(PATIENCE)
    assert service.states[2:] == [("c", "read")]
    body = service.posts[-1][1]
    assert body["namespace"] == "ChatApps"
    assert body["payload"]["channel"] == "viber"
    assert body["payload"]["user"] == {"msisdn": "+6598765432", "channelUserId": "6598765432"}
    assert "smsCount" not in body["payload"]


@pytest.mark.usefixtures("stopped_clock")
def test_receipts_wait_for_the_sandboxs_clock(api: Any, service: Any) -> None:
    sandbox = api.sandbox
    sandbox.deliveries.default = Delivery(sent_after=10, final_after=60, outcome="undelivered")
    sandbox.receipts.delay = 5
    sandbox.receipts.callback_url = service.url
    in_an_hour = (sandbox.clock.now() + timedelta(hours=1)).isoformat()
    api.send(clientMessageId="now")
    api.send(clientMessageId="then", scheduled=in_an_hour)
    cancelled = api.send(clientMessageId="never", scheduled=in_an_hour).json()["umid"]
    api.delete(f"/messages/{cancelled}")
    api.send(clientMessageId="rejected", destination="+999123456")
    seen = []
    for step in (0, 5, 10, 50, 3555, 60):
        sandbox.clock.advance(step)
        sandbox.receipts.flush(PATIENCE)
        seen.append(service.states)
        service.posts.clear()
    assert seen == [
        [],
        [("rejected", "rejected")],
        [("now", "sent")],
        [("now", "undelivered")],
        [("then", "sent")],
        [("then", "undelivered")],
    ]
    assert sandbox.receipts.waiting == 0
    assert service.posts == []


@pytest.mark.parametrize("order", ["in order", "reversed", "shuffled"])
def test_order_and_duplicates_are_as_set(api: Any, service: Any, order: Any) -> None:
    receipts = api.sandbox.receipts
    receipts.order, receipts.duplicates, receipts.delay = order, 1, 10

    def one_round() -> list[tuple[str, str]]:
        api.batch(5, dlrCallbackUrl=service.url)
        api.sandbox.clock.advance(10)
        receipts.flush(PATIENCE)
        states, service.posts[:] = service.states, []
        return states

    chronological = [(str(n), state) for n in range(5) for state in ("sent", "delivered")] * 2
    receipts.seed = 7
    first = one_round()
    assert sorted(first) == sorted(chronological)
    if order == "shuffled":
        assert first not in (chronological, chronological[::-1])
        assert one_round() != first
        receipts.seed = 7
        assert one_round() == first
    else:
        assert first == chronological[:: -1 if order == "reversed" else 1]


@pytest.mark.usefixtures("stopped_clock")
def test_what_fails_is_tried_again_after_1_10_30_and_90_seconds(api: Any, serve: Any) -> None:
    service = serve(500, 404, 302, 503, 500)
    api.sandbox.deliveries.default = Delivery(outcome="unconfirmed")
    api.send(dlrCallbackUrl=service.url)
    receipts = api.sandbox.receipts
    receipts.flush(PATIENCE)
    for seconds, posts in ((0.5, 1), (1, 2), (9, 2), (1.5, 3), (29, 3), (1.5, 4), (89, 4), (1.5, 5), (3600, 5)):
        api.sandbox.clock.advance(seconds)
        receipts.flush(PATIENCE)
        assert len(service.posts) == posts
    assert [(r.attempt, r.status) for r in receipts.sent] == [(1, 500), (2, 404), (3, 302), (4, 503), (5, 500)]
    assert receipts.counts == {"attempts": 5, "given_up": 1}
    assert receipts.waiting == 0


def test_retries_end_with_success_and_their_times_can_be_short(api: Any, serve: Any) -> None:
    service = serve(500, 500, 204)
    api.sandbox.receipts.retry_after = (0.001, 0.001, 0.001)
    api.send(dlrCallbackUrl=service.url)
    api.sandbox.receipts.flush(PATIENCE, later=True)
    assert [status for _, status in service.states] == ["sent", "delivered", "sent", "delivered"]
    assert api.sandbox.receipts.counts == {"attempts": 4, "taken": 2}


def test_a_service_that_does_not_answer_is_a_failure(api: Any) -> None:
    dead = f"http://127.0.0.1:{closed_port()}/"
    api.sandbox.receipts.retry_after = ()
    api.send(dlrCallbackUrl=dead)
    api.sandbox.receipts.flush(PATIENCE)
    assert [(r.status, r.error) for r in api.sandbox.receipts.sent] == [(None, "ClientConnectorError")] * 2


def test_https_with_the_authority_given(api: Any, serve: Any, tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    service = serve(200, tls=context)
    api.sandbox.receipts.retry_after = ()
    api.send(dlrCallbackUrl=service.url)
    api.sandbox.receipts.flush(PATIENCE)
    assert {r.error for r in api.sandbox.receipts.sent} == {"ClientConnectorCertificateError"}
    api.sandbox.receipts.ca_file = str(ca_file)
    api.send(dlrCallbackUrl=service.url)
    api.sandbox.receipts.flush(PATIENCE)
    assert len(service.posts) == 2
    api.sandbox.receipts.ca_file = str(tmp_path)
    api.send(dlrCallbackUrl=service.url)
    api.sandbox.receipts.flush(PATIENCE)
    assert str(api.sandbox.receipts.sent[-1].error).startswith("ca_file: ")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/dlr",
        "http://127.0.0.1.example.com/",
        "http://localhost.example.com/",
        "http://127.0.0.1@example.com/",
        "http://example.com\\@127.0.0.1/",
        "http://example.com#@127.0.0.1/",
        "http://0.0.0.0/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest",
        "http://[::ffff:10.0.0.1]/",
        "http://2130706433/",
        "http://0x7f.1/",
        "ftp://127.0.0.1/",
        "//127.0.0.1/",
        "http://",
        "",
    ],
)
def test_only_this_machine_is_ever_posted_to(url: str) -> None:
    allowed = loopback_url(url)
    assert allowed is None or allowed.host == "127.0.0.1"
    if "@127.0.0.1" not in url:
        assert allowed is None


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "https://localhost/a?b=c", "http://[::1]:8000", "http://127.9.9.9"]
)
def test_loopback_addresses_are_allowed(url: str) -> None:
    assert loopback_url(url) is not None


def test_another_address_is_recorded_and_not_asked(api: Any) -> None:
    api.send(dlrCallbackUrl="https://example.com/dlr?token=secret")
    api.sandbox.receipts.flush(PATIENCE)
    refused = api.sandbox.receipts.refused
    assert [(r.state, r.attempt, r.status) for r in refused] == [("sent", 0, None), ("delivered", 0, None)]
    assert "loopback" in str(refused[0].error)
    assert refused[0].url == "https://example.com/dlr?token=secret"
    assert "secret" not in repr(refused)
    assert api.sandbox.receipts.sent == api.sandbox.violations == []
    with pytest.raises(ValueError, match="loopback"):
        Sandbox(callback_url="https://example.com/dlr")
    with pytest.raises(ValueError, match="loopback"):
        api.sandbox.receipts.callback_url = "https://example.com/dlr"


def test_receipts_can_be_switched_off(api: Any, service: Any) -> None:
    api.sandbox.receipts.enabled = False
    api.send(dlrCallbackUrl=service.url)
    api.sandbox.receipts.flush(PATIENCE, later=True)
    assert service.posts == []


def test_inbound_messages(api: Any, service: Any) -> None:
    sandbox = api.sandbox
    with pytest.raises(ValueError, match="callback_url"):
        sandbox.receive("+6591234567", "Hi")
    sandbox.receipts.callback_url = service.url
    first = sandbox.receive("+6591234567", "Hi 😀", to="+6580001111")
    sandbox.receive("+6591234567", "Hi", product="chatapps", subaccount_id="other")
    sandbox.receipts.flush(PATIENCE)
    sms, chat = (body for _, body in service.posts)
    assert {body["eventType"] for body in (sms, chat)} == {"inbound_message_received"}
    datetime.fromisoformat(sms["payload"].pop("timestamp"))
    assert (sms["namespace"], sms["payload"]) == (
        "SMS",
        {
            "umid": first,
            "subAccountId": "sandbox-account",
            "source": "+6591234567",
            "destination": "+6580001111",
            "body": "Hi 😀",
            "encoding": "UCS2",
            "smsCount": 1,
            "price": {"total": 0.0012, "perSms": 0.0012, "currency": "EUR"},
            "country": "SG",
        },
    )
    assert (chat["namespace"], chat["payload"]["subAccountId"]) == ("ChatApps", "other")
    assert (chat["payload"]["type"], chat["payload"]["content"]) == ("Text", {"text": "Hi"})
    assert chat["payload"]["recipient"]["channel"] == "whatsapp"
    assert chat["payload"]["user"]["msisdn"] == "+6591234567"


def test_a_service_in_the_tests_own_loop_and_several_posts_at_a_time() -> None:
    async def use() -> None:
        under_way, peak, everybody = 0, 0, asyncio.Event()

        async def take(request: web.BaseRequest) -> web.Response:
            nonlocal under_way, peak
            under_way += 1
            peak = max(peak, under_way)
            if under_way == 4:
                everybody.set()
            await everybody.wait()
            under_way -= 1
            return web.Response()

        runner = web.ServerRunner(web.Server(take))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        try:
            async with Sandbox(callback_url=f"http://127.0.0.1:{port}/") as sandbox:
                sandbox.receipts.concurrency = 4
                sandbox.receipts.delay = 1
                for n in range(8):
                    sandbox.receive("+6591234567", str(n))
                sandbox.clock.advance(1)
                await sandbox.receipts.wait_idle(PATIENCE)
                assert (peak, sandbox.receipts.counts["taken"]) == (4, 8)
        finally:
            await runner.cleanup()

    asyncio.run(use())


def test_waiting_works_under_trio_and_says_when_it_took_too_long(serve: Any) -> None:
    service = serve(200)

    async def use() -> None:
        async with Sandbox() as sandbox:
            sandbox.receive("+6591234567", "Hi", callback_url=service.url)
            await sandbox.receipts.wait_idle(PATIENCE)
            assert len(service.posts) == 1
            sandbox.receipts.delay = 60
            sandbox.receive("+6591234567", "Hi", callback_url=service.url)
            await sandbox.receipts.wait_idle(PATIENCE)
            with pytest.raises(TimeoutError, match="not answered after 0.01 s"):
                await sandbox.receipts.wait_idle(0.01, later=True)

    trio.run(use)
    assert len(service.posts) == 1


def test_stopping_does_not_wait_for_a_service() -> None:
    """The service never answers: its receipt is in flight when the sandbox stops."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sandbox = Sandbox(callback_url=f"http://127.0.0.1:{silent.getsockname()[1]}/")
        with sandbox:
            sandbox.receive("+6591234567", "Hi")
            connection, _ = silent.accept()
            assert connection.recv(4) == b"POST"
        with connection:
            while connection.recv(4096):
                pass
        sandbox.receipts.flush(0.1)
    with pytest.raises(RuntimeError, match="not running"):
        sandbox.receive("+6591234567", "Hi")


def test_moving_the_clock_is_enough_to_send_what_falls_due(api: Any, service: Any) -> None:
    api.sandbox.receipts.delay = 3600
    api.send(dlrCallbackUrl=service.url)
    api.sandbox.clock.advance(3601)
    until(lambda: len(service.posts) == 2)


def test_what_is_under_way_at_a_reset_belongs_to_the_past(sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as slow:
        url = f"http://127.0.0.1:{slow.getsockname()[1]}/"
        for text in ("under way", "in the same group"):
            sandbox.receipts.delay = 1
            sandbox.receive("+6591234567", text, callback_url=url)
        sandbox.clock.advance(1)
        connection, _ = slow.accept()
        with connection:
            assert connection.recv(4) == b"POST"
            sandbox.reset()
            connection.sendall(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        sandbox.receipts.flush(PATIENCE)
        assert (sandbox.receipts.sent, sandbox.receipts.waiting) == ([], 0)
        slow.setblocking(False)
        with pytest.raises(BlockingIOError):
            slow.accept()
