"""Wraps a transport of ours as a transport of httpx. So a test can send an `httpx.Request` and compare with httpx
itself.
"""

from __future__ import annotations

from typing import Any

import httpx

from eightbyeight_async.transport import wire_errors
from eightbyeight_async.transport.request import Outgoing, Prepared, Timeouts

_SET_BY_US = {"host", "content-length", "content-type", "accept-encoding", "transfer-encoding"}


class AsHttpx(httpx.AsyncBaseTransport):
    """`sender`: a FastTransport or an AnyioTransport. Its other attributes are available on this object, too."""

    def __init__(self, sender: Any) -> None:
        self.sender = sender

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sender, name)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        headers = {name: value for name, value in request.headers.items() if name not in _SET_BY_US}
        prepared = Prepared(request.method, str(request.url), headers)
        body = await request.aread()
        seconds = request.extensions.get("timeout") or {}
        outgoing = Outgoing(prepared, body if request.method == "POST" else None)
        try:
            answer = await self.sender.send(outgoing, Timeouts(*(seconds.get(name) for name in Timeouts._fields)))
        except wire_errors.WireError as error:
            name = type(error).__name__
            twin = getattr(httpx, name, None) or getattr(httpx, name.removesuffix("Error"), httpx.RemoteProtocolError)
            raise twin(str(error)) from error.__cause__
        raw = [
            (name, value.rstrip(b" \t")) for name, value in answer.headers.raw if name.lower() != b"content-encoding"
        ]
        told = {"http_version": answer.version, "reason_phrase": answer.reason}
        return httpx.Response(answer.status, headers=raw, stream=httpx.ByteStream(answer.body), extensions=told)

    async def aclose(self) -> None:
        await self.sender.aclose()
