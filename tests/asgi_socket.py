"""Serves an ASGI application on a real socket, with aiohttp's server. The sandbox needs aiohttp anyway, so the tests
need no other server.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """Yields the base URL of `app`. Its lifespan runs, too."""

    async def handle(request: web.Request) -> web.Response:
        body = await request.read()
        answer: dict[str, Any] = {"body": b""}

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            answer.update(message, body=answer["body"] + message.get("body", b""))

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": "http",
            "path": request.path,
            "raw_path": request.raw_path.encode(),
            "query_string": request.query_string.encode(),
            "root_path": "",
            "headers": [(name.lower(), value) for name, value in request.raw_headers],
            "client": None,
            "server": None,
        }
        await app(scope, receive, send)
        headers = [(name.decode(), value.decode()) for name, value in answer["headers"]]
        return web.Response(status=answer["status"], headers=headers, body=answer["body"])

    bridge = web.Application()
    bridge.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(bridge)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        async with app.router.lifespan_context(app):
            yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
