"""Downloading a file from a link of the API.

Rules:
- The API key is sent only to the API's own host, even if the link or a redirect points to another host.
- Only https is allowed, and the API's own base URL, which may be http on a loopback address. Each redirect is checked.
- A file is either complete or an error. A gzip is unpacked here, because httpx does not notice a truncated gzip.
"""

from __future__ import annotations

import ipaddress
import re
import zlib
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from eightbyeight_async.calls.call import Call
from eightbyeight_async.calls.read_response import read_response
from eightbyeight_async.errors import Effect, EightByEightError, Sent, UnexpectedResponseError
from eightbyeight_async.hosts import Product
from eightbyeight_async.transport.body_pieces import body_pieces
from eightbyeight_async.transport.failures import showable_cause, transport_error, wire_failure
from eightbyeight_async.transport.httpx_opening import OpeningTrace
from eightbyeight_async.transport.inflate import Inflater

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

__all__ = ["Downloader"]

T = TypeVar("T")

_MAX_REDIRECTS = 5
_MAX_ERROR_BODY = 64 * 1024
_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
_PORTS = {"https": 443, "http": 80}


class Downloader:
    """Downloads files for a client.

    Args:
        http: returns an httpx client that streams. Our own transports keep whole responses in memory, which a log of a
            million rows does not allow. It is not closed here.
        home: the API's own base URL.
        headers: the headers for the API's own host, the API key included.
        own: True if the client's transports are httpx's own, so that their exceptions show the right phase.
    """

    def __init__(
        self,
        *,
        http: Callable[[], httpx.AsyncClient],
        home: str,
        headers: Mapping[str, str],
        own: bool,
    ) -> None:
        self._http = http
        self._home = httpx.URL(home)
        self._headers = headers
        self._own = own

    async def fetch(self, link: str, write: Callable[[bytes], object], *, patience: float) -> None:
        """Download the file behind `link`, piece by piece.

        Args:
            link: the link from the API.
            write: called with each piece; its exceptions are not caught.
            patience: seconds for each phase of the exchange.

        Raises:
            EightByEightError: the link is not https, or the response is not a complete file.
        """
        try:
            await self._fetch(link, write, patience)
        except EightByEightError as error:
            error.effect = Effect.LOOK_UP
            raise

    async def _fetch(self, link: str, write: Callable[[bytes], object], patience: float) -> None:
        url = _url(link)
        http = self._http()
        for _ in range(_MAX_REDIRECTS + 1):
            self._check(url)
            headers = {"Accept": "*/*", "Accept-Encoding": "gzip"}
            if _same_origin(url, self._home):
                headers = {**self._headers, **headers}
            request = http.build_request("GET", str(url), headers=headers, timeout=patience)
            if self._own:  # an application's client may have a trace of its own, or a transport that knows none
                OpeningTrace().follow(request)
            sending = http.send(request, stream=True, follow_redirects=False)
            response = await self._guarded(sending, url, patience)
            try:
                if response.status_code == httpx.codes.OK:
                    await self._copy(response, write, url, patience)
                    return
                if response.next_request is None:
                    await self._refuse(response, url, patience)
                    return
                url = _url(str(response.next_request.url))  # an httpx URL, even if the client is httpx2's
            finally:
                await response.aclose()
        raise UnexpectedResponseError("too many redirects on the way to the file", sent=Sent.NO)

    def _check(self, url: httpx.URL) -> None:
        if url.scheme != "https" and not _same_origin(url, self._home):
            raise UnexpectedResponseError("the link to the file is not an https URL", sent=Sent.NO)

    async def _copy(
        self, response: httpx.Response, write: Callable[[bytes], object], url: httpx.URL, patience: float
    ) -> None:
        if response.is_stream_consumed:  # A hook of the application's own client has already read the response.
            write(response.content)
            return
        encoding = response.headers.get("content-encoding", "").strip().lower()
        if encoding not in {"", "identity", "gzip", "x-gzip"}:
            raise UnexpectedResponseError("the file has a content-encoding that was not requested", sent=Sent.NO)
        inflater = Inflater() if "gzip" in encoding else None
        async with body_pieces(response, response.aiter_raw()) as pieces:
            while (piece := await self._guarded(anext(pieces, None), url, patience)) is not None:
                if inflater is None:
                    write(piece)
                    continue
                unpacked = inflater.pieces(piece)
                while plain := self._unpacked(unpacked):
                    write(plain)
        if inflater is not None and not inflater.whole:
            raise UnexpectedResponseError("the file is cut off: its gzip has no end", sent=Sent.NO)

    def _unpacked(self, pieces: Iterator[bytes]) -> bytes:
        try:
            return next(pieces, b"")
        except zlib.error:
            problem = "the file is not gzip, although its content-encoding says so"
        raise UnexpectedResponseError(problem, sent=Sent.NO)

    async def _refuse(self, response: httpx.Response, url: httpx.URL, patience: float) -> None:
        if not _same_origin(url, self._home):
            problem = "the file cannot be fetched: the link may have expired"
            raise UnexpectedResponseError(problem, status_code=response.status_code, sent=Sent.NO)
        body = b""
        async with body_pieces(response, response.aiter_bytes()) as pieces:
            while piece := await self._guarded(anext(pieces, None), url, patience):
                body += piece
                if len(body) > _MAX_ERROR_BODY:
                    problem = "a response without a file"
                    raise UnexpectedResponseError(problem, status_code=response.status_code, sent=Sent.NO)
        call: Call[Any] = Call(
            product=Product.SMS, method="GET", path="", body=None, response_class=None, unknown=Sent.NO
        )
        read_response(call, response.status_code, response.headers, body)
        raise UnexpectedResponseError("a response without a file", status_code=response.status_code, sent=Sent.NO)

    async def _guarded(self, exchange: Awaitable[T], url: httpx.URL, patience: float) -> T:
        try:
            return await exchange
        except Exception as caught:
            if not wire_failure(caught):
                raise
            failure = caught
        error = transport_error(failure, host=url.netloc.decode(), timeout=patience, own=self._own)
        error.sent = Sent.NO  # a download sends no message and can be repeated
        raise error from showable_cause(failure)


def _url(link: str) -> httpx.URL:
    try:
        url = httpx.URL(link)
        good = 0 <= (url.port or 0) < 65_536 and _is_host(url.host)
    except (TypeError, ValueError, httpx.InvalidURL):  # idna's errors are ValueErrors
        good = False
    if not good:
        raise UnexpectedResponseError("the link to the file is not an https URL", sent=Sent.NO)
    return url


def _is_host(host: str) -> bool:
    """Whether a resolver accepts the host. httpx accepts others, too, and then raises foreign exceptions."""
    if ":" in host:
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            return False
        return True
    name = host.encode("idna").decode()  # UnicodeError is a ValueError
    return len(name) < 254 and _NAME.fullmatch(name) is not None


def _same_origin(one: httpx.URL, other: httpx.URL) -> bool:
    def origin(url: httpx.URL) -> tuple[str, str, int | None]:
        return url.scheme, url.host, url.port or _PORTS.get(url.scheme)

    return origin(one) == origin(other)
