"""The bytes of a response are the same in both ways of writing it: as one piece, or by aiohttp."""

import asyncio
import json
import socket
import ssl
from typing import Any

import pytest
from patience import PATIENCE

from eightbyeight_async.sandbox import Fault, Sandbox
from eightbyeight_async.sandbox.serving.thread import run_in_thread

pytestmark = pytest.mark.usefixtures("each_loop")

BODY = b'{"destination":"+12025550275","text":"a"}'
PATH = "/api/v1/subaccounts/sandbox-account/messages"


def connect(sandbox: Sandbox) -> ssl.SSLSocket:
    address = ("127.0.0.1", int(sandbox.sms_base_url.rpartition(":")[2]))
    raw = socket.create_connection(address, timeout=PATIENCE)
    return sandbox.ssl_context().wrap_socket(raw, server_hostname="localhost")


def head(
    sandbox: Sandbox, *, method: str = "POST", version: str = "1.1", length: int = len(BODY), more: str = ""
) -> bytes:
    return (
        f"{method} {PATH} HTTP/{version}\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {sandbox.api_key}\r\nContent-Length: {length}\r\n{more}\r\n"
    ).encode()


def response(stream: Any, *, has_body: bool = True) -> tuple[str, dict[str, str], bytes]:
    """Returns status line, fields and body of the next response on a connection."""
    status = stream.readline().decode().rstrip("\r\n")
    fields = dict(line.decode().rstrip("\r\n").split(": ", 1) for line in iter(stream.readline, b"\r\n"))
    return status, fields, stream.read(int(fields["Content-Length"])) if has_body else b""


def answered(sandbox: Sandbox, *requests: bytes, has_body: bool = True) -> tuple[str, dict[str, str], bytes]:
    with connect(sandbox) as connection, connection.makefile("rb") as stream:
        for request in requests:
            connection.sendall(request)
        return response(stream, has_body=has_body)


@pytest.mark.parametrize("fault", [None, Fault.too_many_requests(retry_after=7), Fault.error(9999, status=599)])
def test_a_connection_that_stays_open_gets_the_fields_that_one_gets_which_closes(
    sandbox: Sandbox, fault: Fault | None
) -> None:
    sandbox.faults.plan([fault, fault])
    status, fields, body = answered(sandbox, head(sandbox) + BODY)
    closing = answered(sandbox, head(sandbox, more="Connection: close\r\n") + BODY)
    assert closing[1].pop("Connection") == "close"
    assert (status, fields.keys()) == (closing[0], closing[1].keys())
    # times differ, and in the body of an error they have a varying number of digits
    varying = {"Date", "Content-Length"}
    assert {name: value for name, value in fields.items() if name not in varying} == {
        name: value for name, value in closing[1].items() if name not in varying
    }
    assert fields["Content-Type"] == "application/json; charset=utf-8"
    assert json.loads(body).keys() == json.loads(closing[2]).keys()


def test_http_1_0_gets_its_response_and_the_end_of_the_connection(sandbox: Sandbox) -> None:
    with connect(sandbox) as connection, connection.makefile("rb") as stream:
        connection.sendall(head(sandbox, version="1.0") + BODY)
        status, _, body = response(stream)
        assert (status, json.loads(body)["status"]["code"]) == ("HTTP/1.0 200 OK", "QUEUED")
        assert stream.read() == b""


def test_http_1_0_is_told_that_its_connection_stays_open(sandbox: Sandbox) -> None:
    status, fields, _ = answered(sandbox, head(sandbox, version="1.0", more="Connection: keep-alive\r\n") + BODY)
    assert (status, fields["Connection"]) == ("HTTP/1.0 200 OK", "keep-alive")


def test_head_gets_no_body_and_the_connection_goes_on(sandbox: Sandbox) -> None:
    with connect(sandbox) as connection, connection.makefile("rb") as stream:
        connection.sendall(head(sandbox, method="HEAD", length=0))
        status, fields, _ = response(stream, has_body=False)
        assert (status, fields["Allow"]) == ("HTTP/1.1 405 Method Not Allowed", "POST")
        connection.sendall(head(sandbox) + BODY)
        assert response(stream)[0] == "HTTP/1.1 200 OK"


def test_requests_sent_together_get_their_responses_in_order(sandbox: Sandbox) -> None:
    with connect(sandbox) as connection, connection.makefile("rb") as stream:
        connection.sendall(b"".join(head(sandbox) + BODY for _ in range(20)))
        umids = [json.loads(response(stream)[2])["umid"] for _ in range(20)]
    assert umids == [message.umid for message in sandbox.messages]


@pytest.mark.parametrize("cut", [1, len(BODY) - 1])
def test_a_body_in_two_pieces_is_one_body(sandbox: Sandbox, cut: int) -> None:
    status, _, _ = answered(sandbox, head(sandbox) + BODY[:cut], BODY[cut:])
    assert status == "HTTP/1.1 200 OK"
    assert sandbox.messages[0].body == json.loads(BODY)


def test_a_large_response_arrives_whole(sandbox: Sandbox) -> None:
    messages = [{"destination": f"+1202{n:07}", "text": "a"} for n in range(10_000)]
    batch = json.dumps({"messages": messages, "includeMessagesInResponse": True}).encode()
    request = head(sandbox, length=len(batch)).replace(PATH.encode(), f"{PATH}/batch".encode())
    _, fields, body = answered(sandbox, request, batch)
    assert int(fields["Content-Length"]) > 1_000_000
    assert [m["destination"] for m in json.loads(body)["messages"]] == [m["destination"] for m in messages]


def test_the_sandbox_runs_on_the_loop_that_is_there(each_loop: str) -> None:
    """The sandbox runs on uvloop if it is installed, else on asyncio's own loop. The test looks in the sandbox's own
    thread.
    """
    found: list[str] = []

    async def look() -> None:
        found.append(type(asyncio.get_running_loop()).__module__.partition(".")[0])

    run_in_thread([look])()
    assert found == [each_loop]
