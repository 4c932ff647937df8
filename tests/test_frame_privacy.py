"""After a failed call, no frame of the traceback shows the API key, a number or a text, however the call fails."""

from __future__ import annotations

import asyncio
import importlib.util
import socket
import ssl
import struct
import threading
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from answers import coded
from conftest import KEY, SUBACCOUNT
from frame_locals import NUMBER, TEXT, leaks
from patience import seen
from scripted import ScriptedServer, answer

from eightbyeight_async import (
    AsyncConnectClient,
    BatchChatAppsRequest,
    BatchSmsRequest,
    ChatAppsRequest,
    ChatAppsUser,
    EightByEightError,
    InvalidRequestError,
    RetryPolicy,
    SmsRequest,
    SmsTemplate,
    TextContent,
    TransportError,
)
from eightbyeight_async.account import AccountOperations
from eightbyeight_async.bulk import Campaign
from eightbyeight_async.chatapps import ChatAppsOperations
from eightbyeight_async.sms import SmsOperations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
    from pathlib import Path

    import trustme

    Connect = Callable[..., AsyncConnectClient]
    Serve = Callable[..., ScriptedServer]

# httpx leaves its own generators to the garbage collector, and trio warns about that.
pytestmark = pytest.mark.filterwarnings("ignore:Async generator 'httpx:ResourceWarning")

LOOPS = ["asyncio", "trio", *(["uvloop"] if importlib.util.find_spec("uvloop") else [])]
SMS = SmsRequest(destination=NUMBER, text=TEXT, client_message_id="order-17")
ECHO = f"cannot send {TEXT!r} to {NUMBER} with {KEY}"
CHAT = ChatAppsRequest(user=ChatAppsUser(msisdn=NUMBER), content=TextContent(text=TEXT))
# larger than any socket buffer
LONG = BatchSmsRequest(messages=[SmsRequest(destination=NUMBER, text=TEXT * 50)] * 3000)


async def rows_of(client: AsyncConnectClient) -> list[dict[str, str]]:
    return [row async for row in client.sms.iter_log_rows("job-1")]


OPERATIONS: dict[str, Callable[[AsyncConnectClient], Coroutine[Any, Any, Any]]] = {
    "sms.send": lambda client: client.sms.send(SMS),
    "sms.send_batch": lambda client: client.sms.send_batch(BatchSmsRequest(messages=[SMS])),
    "sms.send_batch, destinations": lambda client: client.sms.send_batch(
        BatchSmsRequest(destinations=[NUMBER], template=SmsTemplate(text=TEXT))
    ),
    "sms.cancel": lambda client: client.sms.cancel("umid-1"),
    "sms.cancel_batch": lambda client: client.sms.cancel_batch("batch-1"),
    "sms.get": lambda client: client.sms.get("umid-1"),
    "sms.send_feedback": lambda client: client.sms.send_feedback("umid-1", "success"),
    "sms.start_log_export": lambda client: client.sms.start_log_export(),
    "sms.get_log_export": lambda client: client.sms.get_log_export("job-1"),
    "sms.cancel_log_export": lambda client: client.sms.cancel_log_export("job-1"),
    "sms.iter_log_rows": rows_of,
    "chatapps.send": lambda client: client.chatapps.send(CHAT),
    "chatapps.send_batch": lambda client: client.chatapps.send_batch(BatchChatAppsRequest(messages=[CHAT])),
    "chatapps.cancel": lambda client: client.chatapps.cancel("umid-1"),
    "chatapps.cancel_batch": lambda client: client.chatapps.cancel_batch("batch-1"),
    "chatapps.get": lambda client: client.chatapps.get("umid-1"),
    "account.prices": lambda client: client.account.prices(),
    "account.balance": lambda client: client.account.balance(),
}


def run(loop: str, main: Callable[[], Coroutine[Any, Any, Any]]) -> None:
    options = {"use_uvloop": True} if loop == "uvloop" else {}
    anyio.run(main, backend="asyncio" if loop == "uvloop" else loop, backend_options=options)


async def failure_of(call: Coroutine[Any, Any, Any], kind: type[BaseException] = EightByEightError) -> BaseException:
    with pytest.raises(kind) as caught:
        await call
    return caught.value


@contextmanager
def hanging_up(authority: trustme.CA, *, reset: bool, protocol: str = "http/1.1") -> Iterator[str]:
    """Yields the URL of a server that reads no request. After the handshake it resets the connection, or it waits."""
    listener = socket.create_server(("127.0.0.1", 0))
    accepted: list[socket.socket] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    context.set_alpn_protocols([protocol])

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                stream = context.wrap_socket(connection, server_side=True)
            except OSError:
                return
            if reset:
                stream.recv(1)
                stream.close()
            else:
                accepted.append(stream)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"https://localhost:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for stream in accepted:
            stream.close()


@asynccontextmanager
async def client_of(own: bool, url: str, context: ssl.SSLContext, **options: Any) -> AsyncIterator[AsyncConnectClient]:
    settings = {"sms_base_url": url, "chatapps_base_url": url, **options}
    if own:
        async with AsyncConnectClient(KEY, SUBACCOUNT, ssl_context=context, **settings) as client:
            yield client
        return
    async with (
        httpx.AsyncClient(verify=context) as http,
        AsyncConnectClient(KEY, SUBACCOUNT, http_client=http, **settings) as client,
    ):
        yield client


ANSWERS = {
    "closed without a word": None,
    "no HTTP": f"{ECHO}\r\n\r\n".encode(),
    "a broken header": f"HTTP/1.1 200 {ECHO}\r\n{ECHO}\r\n\r\n".encode(),
    "cut off": f"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{ECHO}".encode(),
    "too large": f"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n{ECHO}".encode(),
    "400": answer(400, coded(1002, message=ECHO, errorId=NUMBER), {"X-Echo": ECHO}),
    "2000, each time": answer(500, coded(2000, message=ECHO)),
    "an unknown code": answer(500, coded(9999, message=ECHO)),
    "a gateway's page": answer(502, f"<html>{ECHO}</html>"),
    "a wrong type": answer(200, f'{{"umid": "{NUMBER}", "status": {{"code": 1, "x": "{ECHO}"}}, "data": 1}}'),
    "no JSON": answer(200, f'{{"{ECHO}": 1'),
    "not gzip": answer(200, ECHO, {"Content-Encoding": "gzip"}),
    "a redirect": answer(302, ECHO, {"Location": f"https://example.com/?{KEY}"}),
    "429": answer(429, ECHO, {"Retry-After": NUMBER}),
}


@pytest.mark.parametrize("own", [True, False], ids=["own", "http_client"])
@pytest.mark.parametrize("loop", LOOPS)
def test_answers(loop: str, own: bool, serve: Serve, tls: ssl.SSLContext) -> None:
    """For every answer of the server, and after all attempts."""
    found: dict[str, list[str]] = {}

    async def main() -> None:
        for name, step in ANSWERS.items():
            with serve(step, close_after_answer=True) as server:
                retry = RetryPolicy(max_attempts=2, max_delay=0.0)
                async with client_of(own, server.url, tls, retry=retry) as client:
                    found[name] = leaks(await failure_of(client.sms.send(SMS)))
                assert NUMBER in server.received[0].body.decode()

    run(loop, main)
    assert {name: where for name, where in found.items() if where} == {}
    assert found.keys() == ANSWERS.keys()


@pytest.mark.parametrize("own", [True, False], ids=["own", "http_client"])
@pytest.mark.parametrize("loop", LOOPS)
def test_connections(
    loop: str, own: bool, serve: Serve, tls: ssl.SSLContext, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connection refused, unknown host, untrusted certificate; a reset or no reading while a large request is written;
    no answer.
    """
    found: dict[str, list[str]] = {}

    async def fail(name: str, url: str, request: Any = SMS, **options: Any) -> None:
        async with client_of(own, url, tls, **options) as client:
            send = client.sms.send if isinstance(request, SmsRequest) else client.sms.send_batch
            found[name] = leaks(await failure_of(send(request), TransportError))

    async def main() -> None:
        await fail("refused", "https://127.0.0.1:9")
        await fail("no such host", "https://nowhere.invalid")
        with serve(certificate_for="elsewhere") as server:
            await fail("no trust", server.url)
        with hanging_up(authority, reset=True) as url:
            await fail("reset", url)
            await fail("reset while writing", url, LONG)
        with hanging_up(authority, reset=False) as url:
            await fail("write timeout", url, LONG, timeout=0.3)
            await fail("read timeout", url, timeout=0.3)
            await fail("deadline", url, deadline=0.3)

    run(loop, main)
    assert {name: where for name, where in found.items() if where} == {}
    assert len(found) == 8


@pytest.mark.parametrize("loop", LOOPS)
def test_proxies_and_http2(loop: str, serve: Serve, tls: ssl.SSLContext, authority: trustme.CA) -> None:
    """httpx's own connections. The password of a proxy is a secret, too."""
    found: dict[str, list[str]] = {}

    async def fail(name: str, url: str, **options: Any) -> None:
        async with client_of(True, url, tls, **options) as client:
            found[name] = leaks(await failure_of(client.sms.send(SMS), TransportError))

    async def main() -> None:
        for name, step in {"closed": None, "407": answer(407, ECHO), "no HTTP": ECHO.encode()}.items():
            with serve(step, authority=None, close_after_answer=True) as proxy:
                through = proxy.url.replace("//", f"//user:{KEY}@")
                await fail(f"proxy, {name}", "https://localhost:9", proxy=through)
                assert proxy.received
        await fail("proxy, refused", "https://localhost:9", proxy=f"http://user:{KEY}@127.0.0.1:9")
        for reset in (True, False):
            with hanging_up(authority, reset=reset, protocol="h2") as url:
                await fail(f"h2, {reset}", url, http2=True, timeout=0.3)

    run(loop, main)
    assert {name: where for name, where in found.items() if where} == {}
    assert len(found) == 6


@pytest.mark.parametrize("own", [True, False], ids=["own", "http_client"])
@pytest.mark.parametrize("loop", LOOPS)
def test_cancellations(loop: str, own: bool, serve: Serve, tls: ssl.SSLContext, authority: trustme.CA) -> None:
    """The caller cancels while the answer is awaited, while the request is written, or while the call waits for its
    turn.
    """
    found: dict[str, list[str]] = {}

    async def give_up(name: str, call: Coroutine[Any, Any, Any], so: Callable[[], object]) -> None:
        async def send() -> None:
            try:
                await call
            except BaseException as error:
                found[name] = leaks(error)
                raise

        async with anyio.create_task_group() as group:
            group.start_soon(send)
            await seen(so)
            group.cancel_scope.cancel()

    async def main() -> None:
        gate = threading.Event()
        with serve(gate, gate=gate) as server:
            async with client_of(own, server.url, tls, max_concurrency=1) as client:
                await give_up("reading", client.sms.send(SMS), lambda: server.received)
                async with anyio.create_task_group() as group:
                    group.start_soon(client.sms.send, SMS)
                    await seen(lambda: len(server.received) > 1)
                    with pytest.raises(TimeoutError) as caught, anyio.fail_after(0.05):
                        await client.sms.send(SMS)
                    found["waiting"] = leaks(caught.value)
                    group.cancel_scope.cancel()
            gate.set()
        with hanging_up(authority, reset=False) as url:
            async with client_of(own, url, tls) as client:
                with pytest.raises(TimeoutError) as caught, anyio.fail_after(0.5):
                    await client.sms.send_batch(LONG)
                found["writing"] = leaks(caught.value)
                if loop != "trio":
                    with pytest.raises(TimeoutError) as caught:
                        async with asyncio.timeout(0.2):
                            await client.sms.send(SMS)
                    found["asyncio.timeout"] = leaks(caught.value)

    run(loop, main)
    assert {name: where for name, where in found.items() if where} == {}
    assert len(found) == (3 if loop == "trio" else 4)


def test_operations_are_all_of_them() -> None:
    known = {name.partition(",")[0] for name in OPERATIONS} | {"sms.send_each"}
    groups = {"sms": SmsOperations, "chatapps": ChatAppsOperations, "account": AccountOperations}
    public = {f"{group}.{name}" for group, cls in groups.items() for name in vars(cls) if name[0] != "_"}
    assert known == public, "add it to OPERATIONS here"


@pytest.mark.parametrize("step", [None, ANSWERS["400"], ANSWERS["no JSON"]], ids=["closed", "400", "no JSON"])
@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.anyio
async def test_operations(name: str, step: bytes | None, serve: Serve, connect: Connect) -> None:
    with serve(step) as server:
        async with connect(server) as client:
            if name in ("sms.send_feedback", "sms.cancel_log_export") and step == ANSWERS["no JSON"]:
                await OPERATIONS[name](client)  # this operation reads no answer
                return
            assert leaks(await failure_of(OPERATIONS[name](client))) == []


@pytest.mark.anyio
async def test_results_of_send_each(serve: Serve, connect: Connect) -> None:
    bad: Any = {"destination": NUMBER, "text": TEXT}  # the user's mistake: a dict, not a SmsRequest
    with serve(None) as server:
        async with connect(server) as client, client.sms.send_each([SMS, bad]) as results:
            errors = [result.error async for result in results]
    assert len(errors) == 2
    assert [leaks(error) for error in errors if error is not None] == [[], []]


@pytest.mark.anyio
async def test_campaigns(tmp_path: Path, serve: Serve, connect: Connect) -> None:
    with serve(answer(401, coded(1200, message=ECHO))) as server:
        async with connect(server) as client:
            for mode in ("each", "batch"):
                async with Campaign(client, tmp_path / f"{mode}.journal", mode=mode, store_private=True) as campaign:
                    assert leaks(await failure_of(campaign.send([SMS]))) == []
                    mistaken: Any = [{"destination": NUMBER, "text": TEXT}]
                    for call in (campaign.send, campaign.plan):
                        assert leaks(await failure_of(call(mistaken), Exception)) == []
                    twice = [SMS, SmsRequest(destination=NUMBER, text=f"{TEXT}!", client_message_id="order-17")]
                    assert leaks(await failure_of(campaign.send(twice), InvalidRequestError)) == []
                    assert leaks(await failure_of(campaign.resolve(NUMBER, sent=True), InvalidRequestError)) == []


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["each", "batch"])
async def test_the_error_of_a_message_of_a_campaign(mode: Any, tmp_path: Path, serve: Serve, connect: Connect) -> None:
    """`on_result` gets the error while the campaign runs. The message's id contains its number."""
    found: list[list[str]] = []
    message = SmsRequest(destination=NUMBER, text=TEXT, client_message_id=f"to {NUMBER}")

    def look(settled: Any) -> None:
        found.append(leaks(settled.error))

    with serve(answer(400, coded(1002, message=ECHO))) as server:
        async with (
            connect(server) as client,
            Campaign(client, tmp_path / "run.journal", mode=mode, on_result=look) as campaign,
        ):
            assert (await campaign.send([message])).failed == 1
    assert found == [[]]


@pytest.mark.anyio
async def test_a_broken_log_file(serve: Serve, connect: Connect) -> None:
    log = answer(200, f"umid,clientmessageid,msisdn,body\n1,2,{NUMBER},{TEXT}\n1,{NUMBER}\n")
    with serve(answer(200, b"")) as server:
        status = f'{{"status": "succeeded", "data": ["{server.url}/file?token={KEY}"]}}'
        server._script.clear()
        server._script.extend([answer(200, status), log])
        async with connect(server) as client:
            assert leaks(await failure_of(rows_of(client))) == []
