"""The other host: files behind signed links, and the memory of what was asked of it.

It needs no API key. A request that brings one has given it away: it is answered 400, as cloud storage
answers a second way of authentication, and is noted as a violation.
"""

import asyncio

from aiohttp import web

from eightbyeight_async.sandbox.api.http_responses import Reply, right_reply, spoilt_reply
from eightbyeight_async.sandbox.api.operation_results import Download
from eightbyeight_async.sandbox.control.traffic import SandboxRequest
from eightbyeight_async.sandbox.control.violations import Violation
from eightbyeight_async.sandbox.export.csv_columns import csv_pieces
from eightbyeight_async.sandbox.export.jobs import ExportFile
from eightbyeight_async.sandbox.messages.shared_state import SharedState


class Storage:
    """The handler of that host."""

    def __init__(self, state: SharedState) -> None:
        self._state = state

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        reply, delay = self._reply(request)
        self._state.storage_requests.append(
            SandboxRequest(
                product="storage",
                operation=None,
                method=request.method,
                path=request.raw_path.partition("?")[0],
                status=reply.status if isinstance(reply, web.Response) else 200,
                tls_version=None,
                headers={n: "***" if n.lower() == "authorization" else v for n, v in request.headers.items()},
            )
        )
        if delay:
            await asyncio.sleep(delay)
        return reply if isinstance(reply, web.Response) else await reply(request)

    def _reply(self, request: web.BaseRequest) -> tuple[Reply, float]:
        if "Authorization" in request.headers:
            self._state.violations.append(Violation("storage download", "the API key was given to another host"))
            return web.Response(status=400, text="only one way of authentication"), 0.0
        file = self._file(request)
        if request.method != "GET" or file is None:
            return web.Response(status=404, text="no such file"), 0.0
        now = self._state.clock.now()
        if now >= file.expires:
            return web.Response(status=403, text="the link has expired"), 0.0
        result = Download(lambda: csv_pieces(file.rows))
        fault = self._state.faults.next_download(file.job_id)
        if fault is None:
            return right_reply(200, result), 0.0
        return spoilt_reply(fault, 200, result, now), fault.delay

    def _file(self, request: web.BaseRequest) -> ExportFile | None:
        path, _, query = request.raw_path.partition("?")
        token = path.removeprefix("/exports/").removesuffix(".csv")
        file = self._state.exports.file(token)
        if file is None or (path, query) != (f"/exports/{token}.csv", f"signature={file.signature}"):
            return None
        return file
