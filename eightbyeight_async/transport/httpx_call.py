"""One call through an httpx client: request in, status, headers and decoded body out.

Rule: only public names of httpx are used, and only those that httpx2 has, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eightbyeight_async.transport.body_pieces import body_pieces
from eightbyeight_async.transport.httpx_failures import was_not_read
from eightbyeight_async.transport.wire_errors import AnswerTooLargeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx

    from eightbyeight_async.transport.httpx_opening import OpeningTrace

__all__ = ["MAX_BODY", "send_through"]

# Bytes. The largest response, to a batch of 10,000 with its messages, has about 3 MB; this is ten times as much.
MAX_BODY = 32 * 1024 * 1024


async def send_through(
    http: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes | None,
    seconds: float | None,
    trace: OpeningTrace | None = None,
) -> tuple[int, Any, bytes]:
    """Send one request and read its response.

    Args:
        http: the client; it may be an httpx2 client.
        method: the HTTP method.
        url: the absolute URL.
        headers: the headers of the request.
        body: the body of the request; None for no body.
        seconds: the timeout for each phase; None for no limit. Waiting for the pool has no timeout, because the limiter
            comes first.
        trace: gets the events of httpx's transport; None for no trace.

    Raises:
        AnswerTooLargeError: more than `MAX_BODY` bytes, compressed or decoded.
        Exception: any exception of the client, e.g. httpx.DecodingError.
    """
    # Timeouts are a tuple, because httpx2 does not know httpx's Timeout.
    request = http.build_request(method, url, headers=headers, content=body, timeout=(seconds, seconds, seconds, None))
    if trace is not None:
        trace.follow(request)
    # No redirects: following one would send the message a second time, to an unknown host.
    response = await http.send(request, stream=True, follow_redirects=False)
    try:
        return response.status_code, response.headers, await _read(response)
    finally:
        await response.aclose()


async def _read(response: httpx.Response) -> bytes:
    """The decoded body."""
    raw: bytes | None = None
    try:
        raw = response.content  # a hook or transport of the application has already read the response
    except RuntimeError as error:
        if not was_not_read(error):
            raise
    if raw is not None:
        return raw
    chunks = []
    size = 0
    async with body_pieces(response, response.aiter_raw()) as parts:
        async for chunk in parts:
            size += len(chunk)
            if size > MAX_BODY:
                raise _too_large(response)
            chunks.append(chunk)
    raw = b"".join(chunks)
    if "content-encoding" not in response.headers:
        return raw
    return _decoded(raw, response)


def _decoded(raw: bytes, response: httpx.Response) -> bytes:
    """Decode a body with httpx's decoders after it was read. A failure while reading would leave the stream unread."""
    import httpx

    class Pieces(httpx.SyncByteStream):
        """Compressed bytes in small pieces, so that memory can hold the decoded bytes of each piece."""

        def __iter__(self) -> Iterator[bytes]:
            return (raw[start : start + 16_384] for start in range(0, len(raw), 16_384))

    whole = httpx.Response(response.status_code, headers=response.headers, stream=Pieces())
    chunks = []
    size = 0
    for chunk in whole.iter_bytes():
        size += len(chunk)
        if size > MAX_BODY:
            raise _too_large(response)
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large(response: httpx.Response) -> AnswerTooLargeError:
    return AnswerTooLargeError(f"the body is larger than {MAX_BODY // 2**20} MiB", response.status_code)
