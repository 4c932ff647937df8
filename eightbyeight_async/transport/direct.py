"""Requests that nobody could see: straight to one of our transports, without httpx's client.

httpx's `send` takes 47 us a request besides the transport: auth flow, redirect loop, an async generator for each body,
and 23 us for the cookies of every response. None of it is needed where no hook, auth, cookie or mount is (see `door`).

Its log line is written here as httpx writes it, so that a log shows every call either way.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

import httpx

from eightbyeight_async.transport.complete import CompleteResponse

if TYPE_CHECKING:
    from collections.abc import Awaitable

__all__ = ["DirectClient"]

_log = logging.getLogger("httpx")  # httpx's own logger, so that its users see the same lines


class OurTransport(Protocol):
    """What is used of a transport of ours."""

    def handle_async_request(self, request: httpx.Request) -> Awaitable[httpx.Response]: ...

    async def aclose(self) -> None: ...

    def abandon(self) -> None: ...

    def disown(self) -> None: ...


class DirectClient:
    """Sends complete requests and returns responses that have been read.

    Args:
        transport: the transport.

    Attributes:
        transport: as given.
    """

    def __init__(self, transport: OurTransport) -> None:
        self.transport = transport
        self._closed = False

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Send `request`, whose extensions have its timeouts; return the response with its decoded body.

        Raises:
            httpx.TransportError: as the transport does.
            httpx.DecodingError: the body's content-encoding cannot be decoded.
        """
        if self._closed:
            raise httpx.ConnectError("the client was closed")
        response = await self.transport.handle_async_request(request)
        response.request = request
        if _log.isEnabledFor(logging.INFO):
            _log.info(
                'HTTP Request: %s %s "%s %d %s"',
                request.method,
                request.url,
                response.http_version,
                response.status_code,
                response.reason_phrase,
            )
        if isinstance(response, CompleteResponse) and response.plain:
            response.settle()
        else:
            await response.aread()
        return response

    async def aclose(self) -> None:
        """Close the connections; requests in flight fail."""
        self._closed = True
        await self.transport.aclose()
