"""The callback poster: POSTs the callbacks that are due, in the sandbox's event loop, until it is cancelled.

Rule: every request goes to this machine. So the poster follows no redirect, uses no proxy and no cookie, and looks
up no host name.
"""

import asyncio
import contextlib
import ssl
from collections import deque

import aiohttp

from eightbyeight_async.sandbox.webhooks.callback_bodies import as_bytes
from eightbyeight_async.sandbox.webhooks.loopback_only import LoopbackResolver
from eightbyeight_async.sandbox.webhooks.receipt_queue import Callback, Receipts


async def post_callbacks(receipts: Receipts) -> None:
    loop, woken = asyncio.get_running_loop(), asyncio.Event()

    def wake() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has already ended
            loop.call_soon_threadsafe(woken.set)

    receipts.waken_with(wake)
    connector = aiohttp.TCPConnector(resolver=LoopbackResolver(), use_dns_cache=False)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        while True:
            woken.clear()
            due = receipts.take_due()
            if due:
                await _post_all(session, receipts, due)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(receipts.seconds_to_next()):
                    await woken.wait()


async def _post_all(session: aiohttp.ClientSession, receipts: Receipts, due: list[Callback]) -> None:
    waiting = deque(due)
    try:
        tls = receipts.tls()
    except OSError as problem:  # `ca_file` cannot be read or is not a certificate (ssl.SSLError is an OSError)
        for callback in due:
            receipts.done(callback, callback.body(), None, f"ca_file: {type(problem).__name__}")
        return

    async def work() -> None:
        while waiting:
            callback = waiting.popleft()
            if receipts.is_current(callback):
                await _post(session, receipts, callback, tls)
            else:
                receipts.dropped(1)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(len(due), max(1, receipts.concurrency))):
                group.create_task(work())
    finally:
        receipts.dropped(len(waiting))


async def _post(
    session: aiohttp.ClientSession, receipts: Receipts, callback: Callback, tls: ssl.SSLContext | bool
) -> None:
    body = callback.body()
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if receipts.authorization is not None:
        headers["Authorization"] = receipts.authorization
    status, error = None, None
    try:
        async with session.post(
            callback.url,
            data=as_bytes(body),
            headers=headers,
            ssl=tls,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=receipts.timeout),
        ) as answer:
            status = answer.status
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as problem:
        error = type(problem).__name__
    except asyncio.CancelledError:
        receipts.dropped(1)
        raise
    receipts.done(callback, body, status, error)
