"""The sandbox is driven by plain httpx, aiohttp and raw sockets: never by our own client."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from eightbyeight_async.sandbox import Sandbox


class Api:
    """A hand-written caller: paths and header spelt out from 8x8's documents."""

    def __init__(self, sandbox: Sandbox, http: httpx.Client) -> None:
        self.sandbox = sandbox
        self.http = http

    def call(self, method: str, path: str, *, product: str = "sms", json: Any = None, **more: Any) -> httpx.Response:
        base = self.sandbox.sms_base_url if product == "sms" else self.sandbox.chatapps_base_url
        headers = {"Authorization": f"Bearer {self.sandbox.api_key}"} | more.pop("headers", {})
        if json is not None:
            more["json"] = json
        return self.http.request(method, base + path, headers=headers, **more)

    def post(self, rest: str, json: Any, **more: Any) -> httpx.Response:
        return self.call("POST", f"/api/v1/subaccounts/sandbox-account{rest}", json=json, **more)

    def delete(self, rest: str, **more: Any) -> httpx.Response:
        return self.call("DELETE", f"/api/v1/subaccounts/sandbox-account{rest}", **more)

    def send(self, **fields: Any) -> httpx.Response:
        return self.post("/messages", {"destination": "+6598765432", "text": "Hello"} | fields)

    def chat(self, **fields: Any) -> httpx.Response:
        body = {"user": {"msisdn": "+6598765432"}, "type": "text", "content": {"text": "Hello"}} | fields
        return self.post("/messages", body, product="chatapps")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    with httpx.Client(verify=sandbox.ssl_context(), timeout=5.0) as http:
        yield Api(sandbox, http)
