"""HTTP responses of the sandbox: results, files, redirects, and the responses of faults."""

import json
import socket
import struct
from collections.abc import Awaitable, Callable
from datetime import datetime

from aiohttp import web

from eightbyeight_async.sandbox.api.json_response import json_response
from eightbyeight_async.sandbox.api.operation_results import Download, Moved, error_body
from eightbyeight_async.sandbox.api.received_call import Result
from eightbyeight_async.sandbox.control.faults import Fault

# A complete response, or a function that writes to the request's connection itself.
Response = web.Response | Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_ABORT = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 seconds: closing sends RST
_CSV = "text/csv; charset=utf-8"


def correct_response(status: int, result: Result) -> Response:
    match result:
        case None:
            return web.Response(status=status)
        case Moved(location):
            return web.Response(status=302, headers={"Location": location})
        case Download():
            return _streams(result)
        case _:
            return json_response(status, result)


def faulty_response(fault: Fault, status: int, result: Result, now: datetime) -> Response:
    """Returns the response that a fault sends to the caller.

    `result` is the result without the fault; it is None if the request had no effect.
    """
    match fault.kind:
        case "normal":
            return correct_response(status, result)
        case "error" if fault.code is not None:
            return json_response(fault.status, error_body(fault.code, fault.reason, now), fault.headers)
        case "truncate":
            is_file = isinstance(result, Download)
            whole = b"".join(result.pieces()) if isinstance(result, Download) else json.dumps(result).encode()
            kind = _CSV if is_file else "application/json"
            head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(whole)}\r\n\r\n"
            return _ends_with(head.encode() + whole[: len(whole) // 2])
        case "raw":
            return _ends_with(fault.body)
        case "drop":
            return _drops(reset=fault.reset)
        case _:
            return web.Response(
                status=fault.status, body=fault.body, headers=fault.headers, content_type=fault.content_type
            )


def _streams(download: Download) -> Response:
    async def reply(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": _CSV})
        try:
            await response.prepare(request)
            for piece in download.pieces():
                await response.write(piece)
            await response.write_eof()
        except ConnectionError:
            pass  # the client closed the connection before the end of the file
        return response

    return reply


def _ends_with(data: bytes) -> Response:
    async def reply(request: web.BaseRequest) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.write(data)
            request.transport.close()
        return web.Response()

    return reply


def _drops(*, reset: bool) -> Response:
    async def reply(request: web.BaseRequest) -> web.StreamResponse:
        if request.transport is not None:
            if reset:
                tcp = request.transport.get_extra_info("socket")
                tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
            request.transport.abort()
        return web.Response()

    return reply
