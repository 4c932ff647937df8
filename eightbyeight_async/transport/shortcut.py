"""An `httpx.AsyncClient` whose `send` skips httpx's own `send` (the long way) if the result is the same.

httpx's `send` takes 47 us a request besides the transport: auth flow, redirect loop, an async generator for each body,
and 23 us for the cookies of every response. The short way is taken if at the time of the send:

- no streaming, no redirects and no auth are wanted, by argument, by the client or in the URL;
- no event hook is set, the client is open, and the cookie jar is the standard library's;
- the client was made without mounts, without proxy and without a function that guesses encodings.

A response that needs an action of the client (a cookie, a location, an encoding) goes the long way afterwards: httpx's
own `send` runs, and its transport returns the response that has already come. So this file reimplements nothing of
httpx.

Rule: only public names of httpx are used.

Remaining differences: `response.elapsed` ends when the last byte has come (in httpx a few microseconds later, when the
stream is closed), `response.stream` is a `ByteStream`, and the response's class is a subclass of httpx's.
"""

from __future__ import annotations

import contextlib
import datetime
import http.cookiejar
import logging
import time
from typing import TYPE_CHECKING, Any

import httpx

from eightbyeight_async.transport.complete import CompleteResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["ShortcutClient"]

_log = logging.getLogger("httpx")  # httpx's own logger, so that its users see the same lines


class ShortcutClient(httpx.AsyncClient):
    """An `httpx.AsyncClient` for a transport that returns complete responses.

    Args:
        transport: a transport that returns `CompleteResponse`. Any other response works too, but takes the long way.
        default_encoding: as for `httpx.AsyncClient`.
        options: the other options of `httpx.AsyncClient`.

    Attributes:
        transport: the transport.
    """

    def __init__(
        self,
        *,
        transport: httpx.AsyncBaseTransport,
        default_encoding: str | Callable[[bytes], str] = "utf-8",
        **options: Any,  # noqa: ANN401
    ) -> None:
        self.__in_hand = _InHand(transport)
        self.transport = transport
        self.__encoding = default_encoding
        self.__opened = False
        # Mounts may select another transport, and httpx's own code must call a function that guesses encodings.
        self.__never = bool(options.get("mounts")) or options.get("proxy") is not None or callable(default_encoding)
        super().__init__(transport=self.__in_hand, default_encoding=default_encoding, **options)

    async def send(
        self,
        request: httpx.Request,
        *,
        stream: bool = False,
        auth: Any = httpx.USE_CLIENT_DEFAULT,  # noqa: ANN401 - httpx's types are private
        follow_redirects: Any = httpx.USE_CLIENT_DEFAULT,  # noqa: ANN401
    ) -> httpx.Response:
        """See `httpx.AsyncClient.send`."""
        if (
            stream
            or not self.__opened  # httpx's `send` records the first use, after which it refuses `async with`
            or self.__never
            or self.is_closed
            or (auth is not httpx.USE_CLIENT_DEFAULT and auth is not None)
            or (auth is not None and self.auth is not None)
            or (self.follow_redirects if follow_redirects is httpx.USE_CLIENT_DEFAULT else follow_redirects)
            or any(self.event_hooks.values())
            or type(self.cookies.jar) is not http.cookiejar.CookieJar
            or request.url.userinfo
            or not isinstance(request.stream, httpx.AsyncByteStream)
        ):
            self.__opened = True
            return await super().send(request, stream=stream, auth=auth, follow_redirects=follow_redirects)
        if "timeout" not in request.extensions:
            request.extensions = {**request.extensions, "timeout": self.timeout.as_dict()}
        start = time.perf_counter()
        try:
            response = await self.transport.handle_async_request(request)
            response.request = request
            if not isinstance(response, CompleteResponse) or not response.plain:
                return await self.__long_way(request, response, start, auth=auth)
            response.default_encoding = self.__encoding
            if _log.isEnabledFor(logging.INFO):
                _log.info(
                    'HTTP Request: %s %s "%s %d %s"',
                    request.method,
                    request.url,
                    response.http_version,
                    response.status_code,
                    response.reason_phrase,
                )
            response.settle()
        except (httpx.RequestError, httpx.InvalidURL) as error:
            error.request = request  # type: ignore[union-attr]
            raise
        response.elapsed = datetime.timedelta(seconds=time.perf_counter() - start)
        return response

    async def __long_way(
        self,
        request: httpx.Request,
        response: httpx.Response,
        start: float,
        *,
        auth: Any,  # noqa: ANN401
    ) -> httpx.Response:
        if self.is_closed:
            # httpx would raise that the request cannot be sent, but it has already been sent.
            raise httpx.ReadError("the client was closed before the answer was read")
        with self.__in_hand.holding(request, response):
            response = await super().send(request, auth=auth, follow_redirects=False)
        response.elapsed = datetime.timedelta(seconds=time.perf_counter() - start)
        return response


class _InHand(httpx.AsyncBaseTransport):
    """The transport, which returns a response that has already come instead of sending its request again."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport
        self._answers: dict[int, httpx.Response] = {}

    @contextlib.contextmanager
    def holding(self, request: httpx.Request, answer: httpx.Response) -> Iterator[None]:
        self._answers[id(request)] = answer
        try:
            yield
        finally:
            self._answers.pop(id(request), None)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._answers.pop(id(request), None)
        return await self._transport.handle_async_request(request) if answer is None else answer

    async def aclose(self) -> None:
        await self._transport.aclose()
