"""Only TLS 1.3 by default. TLS 1.2 on request, but not for Singapore."""

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from patience import PATIENCE, until

from eightbyeight_async.sandbox import Sandbox

pytestmark = pytest.mark.usefixtures("each_loop")


def tls12(sandbox: Sandbox) -> ssl.SSLContext:
    context = sandbox.ssl_context(ssl.TLSVersion.TLSv1_2)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def await_failed_handshakes(sandbox: Sandbox, count: int) -> None:
    """Waits for the count, because the client may see the end of a connection before the server counts it."""
    until(lambda: sandbox.traffic.failed_handshakes >= count)
    assert sandbox.traffic.failed_handshakes == count


@pytest.fixture
def old() -> Iterator[Any]:
    """A caller with TLS 1.2 and a sandbox that allows it."""
    with Sandbox(allow_tls12=True) as sandbox, httpx.Client(verify=tls12(sandbox)) as http:

        def call(method: str, rest: str, json: Any = None) -> httpx.Response:
            return http.request(
                method,
                f"{sandbox.sms_base_url}/api/v1/subaccounts/sandbox-account/messages{rest}",
                json=json,
                headers={"Authorization": f"Bearer {sandbox.api_key}"},
            )

        call.sandbox = sandbox  # type: ignore[attr-defined]
        yield call


def test_tls12_is_refused_by_default(sandbox: Sandbox) -> None:
    with httpx.Client(verify=tls12(sandbox)) as http, pytest.raises(httpx.ConnectError):
        http.get(sandbox.sms_base_url)
    await_failed_handshakes(sandbox, 1)
    assert (sandbox.traffic.requests, sandbox.traffic.handshakes) == (0, {})


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_the_certificate_names_every_loopback_host(sandbox: Sandbox, host: str) -> None:
    if host == "[::1]":
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError:
            pytest.skip("no IPv6 here")
    with httpx.Client(verify=sandbox.ssl_context()) as http:
        for url in (sandbox.sms_base_url, sandbox.chatapps_base_url):
            assert http.get(url.replace("localhost", host)).json()["code"] == 1300
    assert sandbox.traffic.handshakes == {"TLSv1.3": 2}


def test_nobody_else_trusts_it(sandbox: Sandbox) -> None:
    with httpx.Client(verify=ssl.create_default_context()) as http, pytest.raises(httpx.ConnectError, match="CERT"):
        http.get(sandbox.sms_base_url)
    with Sandbox() as other, httpx.Client(verify=other.ssl_context()) as http, pytest.raises(httpx.ConnectError):
        http.get(sandbox.sms_base_url)


@pytest.mark.parametrize(
    "fields",
    [{"destination": "+6598765432"}, {"destination": "6598765432"}, {"destination": "98765432", "country": "SG"}],
)
def test_singapore_over_tls12_is_426(old: Any, fields: dict[str, str]) -> None:
    answer = old("POST", "", {"text": "a", **fields})
    assert (answer.status_code, answer.json()["code"], answer.headers["upgrade"]) == (426, 1014, "TLS/1.3")
    assert old.sandbox.messages == []
    assert old("POST", "/batch", {"messages": [{"text": "a", **fields}]}).status_code == 426


@pytest.mark.parametrize("fields", [{"destination": "+12025550275"}, {"destination": "6502223333", "country": "US"}])
def test_other_countries_over_tls12_are_fine(old: Any, fields: dict[str, str]) -> None:
    assert old("POST", "", {"text": "a", **fields}).status_code == 200
    assert old.sandbox.traffic.handshakes == {"TLSv1.2": 1}
    assert old.sandbox.requests[-1].tls_version == "TLSv1.2"


def test_singapore_over_tls13_is_fine_where_both_are_offered_and_its_cancel_over_tls12_is_not(old: Any) -> None:
    sandbox = old.sandbox
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    with httpx.Client(verify=sandbox.ssl_context()) as http:
        answer = http.post(
            f"{sandbox.sms_base_url}/api/v1/subaccounts/sandbox-account/messages",
            json={"destination": "+6598765432", "text": "a", "scheduled": soon},
            headers={"Authorization": f"Bearer {sandbox.api_key}"},
        )
    assert answer.status_code == 200
    refused = old("DELETE", f"/{answer.json()['umid']}")
    assert (refused.status_code, refused.headers["upgrade"]) == (426, "TLS/1.3")
    assert sandbox.messages[0].state == "scheduled"


def test_plain_http_and_rubbish_get_nowhere(sandbox: Sandbox) -> None:
    with httpx.Client() as http, pytest.raises(httpx.TransportError):
        http.get(sandbox.sms_base_url.replace("https", "http"))
    port = int(sandbox.sms_base_url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as rubbish:
        rubbish.sendall(b"\x00" * 100)
        while rubbish.recv(1000):
            pass
    assert sandbox.traffic.connections == 2
    await_failed_handshakes(sandbox, 2)
    assert sandbox.traffic.requests == 0
