"""The host of exported files, apart from the API: it serves files under signed links and records its requests.

It needs no API key. A client that sends the key to this host has leaked it: the request gets HTTP 400, as cloud storage
answers a second kind of authentication, and is recorded as a violation.
"""

import asyncio

from aiohttp import web

from eightbyeight_async.sandbox.api.http_responses import Response, correct_response, faulty_response
from eightbyeight_async.sandbox.api.operation_results import Download
from eightbyeight_async.sandbox.control.traffic import SandboxRequest
from eightbyeight_async.sandbox.control.violations import Violation
from eightbyeight_async.sandbox.export.csv_columns import csv_pieces
from eightbyeight_async.sandbox.export.jobs import ExportFile
from eightbyeight_async.sandbox.messages.shared_state import SharedState


class FileHost:
    """The aiohttp handler of the file host."""

    def __init__(self, state: SharedState) -> None:
        self._state = state

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        response, delay = self._response(request)
        self._state.storage_requests.append(
            SandboxRequest(
                product="storage",
                operation=None,
                method=request.method,
                path=request.raw_path.partition("?")[0],
                status=response.status if isinstance(response, web.Response) else 200,
                tls_version=None,
                headers={n: "***" if n.lower() == "authorization" else v for n, v in request.headers.items()},
            )
        )
        if delay:
            await asyncio.sleep(delay)
        return response if isinstance(response, web.Response) else await response(request)

    def _response(self, request: web.BaseRequest) -> tuple[Response, float]:
        if "Authorization" in request.headers:
            self._state.violations.append(Violation("storage download", "the API key was sent to another host"))
            return web.Response(status=400, text="only one kind of authentication is allowed"), 0.0
        file = self._file(request)
        if request.method != "GET" or file is None:
            return web.Response(status=404, text="no such file"), 0.0
        now = self._state.clock.now()
        if now >= file.expires:
            return web.Response(status=403, text="the link has expired"), 0.0
        result = Download(lambda: csv_pieces(file.rows))
        fault = self._state.faults.next_download(file.job_id)
        if fault is None:
            return correct_response(200, result), 0.0
        return faulty_response(fault, 200, result, now), fault.delay

    def _file(self, request: web.BaseRequest) -> ExportFile | None:
        path, _, query = request.raw_path.partition("?")
        token = path.removeprefix("/exports/").removesuffix(".csv")
        file = self._state.exports.file(token)
        if file is None or (path, query) != (f"/exports/{token}.csv", f"signature={file.signature}"):
            return None
        return file
