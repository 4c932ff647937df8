"""Which frames of a traceback are emptied: those of a failed call, and no others."""

from __future__ import annotations

import asyncio
import ssl
import threading
import traceback
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from conftest import KEY, SUBACCOUNT
from frame_locals import NUMBER, TEXT, leaks
from patience import seen

from eightbyeight_async import AsyncConnectClient, SmsRequest, TransportError
from eightbyeight_async.frame_privacy import private_call
from eightbyeight_async.transport.asyncio_socket import Line
from eightbyeight_async.transport.tls_pipe import TlsPipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from scripted import ScriptedServer

SMS = SmsRequest(destination=NUMBER, text=TEXT)
KEPT = "kept for the application"


def library(source: str, name: str = "httpx.made_up") -> dict[str, Any]:
    """Returns the functions of a made-up library that this package calls."""
    names: dict[str, Any] = {"__name__": name}
    exec(compile(source, f"/site-packages/{name}.py", "exec"), names)  # noqa: S102
    return names


def frames(error: BaseException) -> list[FrameType]:
    return [frame for frame, _ in traceback.walk_tb(error.__traceback__)]


def locals_of(error: BaseException) -> Iterator[str]:
    """Yields all locals of the error, its causes and its contexts, the tests' own included."""
    one: traceback.TracebackException | None
    one = traceback.TracebackException.from_exception(error, capture_locals=True)
    while one is not None:
        for frame in one.stack:
            yield from (frame.locals or {}).values()
        one = one.__cause__ or one.__context__


def test_finished_frames_of_libraries_are_emptied_and_others_not() -> None:
    theirs = library("def fail(secret):\n    raise ValueError(1)")["fail"]

    def hook(secret: str) -> None:
        theirs(secret)

    with pytest.raises(ValueError, match="1") as caught:
        private_call(hook)(KEPT)
    assert {frame.f_code.co_name: "secret" in frame.f_locals for frame in frames(caught.value)[-2:]} == {
        "hook": True,
        "fail": False,
    }


def test_causes_contexts_and_members_of_groups_are_emptied() -> None:
    source = """
def first(secret):
    raise ValueError("first")

def during(secret):
    try:
        first(secret)
    except ValueError:
        raise KeyError("during")

def because(secret):
    try:
        during(secret)
    except KeyError as error:
        cause = error
    raise OSError("because") from cause

def grouped(secret):
    try:
        because(secret)
    except OSError as error:
        member = error
    raise ExceptionGroup("grouped", [ValueError("never raised"), member])
"""
    with pytest.raises(ExceptionGroup) as caught:
        private_call(library(source)["grouped"])(KEPT)
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    text = "".join(shown.format())
    assert all(f"in {name}" in text for name in ("first", "during", "because", "grouped"))
    assert repr(KEPT) not in text


def test_suspended_coroutines_and_generators_live_on() -> None:
    """Several tasks raise one exception object. Its traceback has frames of tasks that caught it and still run."""
    source = """
import types

@types.coroutine
def wait():
    yield

async def coroutine(error, secret):
    try:
        raise error
    except ValueError:
        await wait()
    return secret

def generator(error, secret):
    try:
        raise error
    except ValueError:
        yield
    yield secret

async def asynchronous(error, secret):
    try:
        raise error
    except ValueError:
        await wait()
    yield secret

def fail(error, secret):
    raise error
"""
    names = library(source)
    shared = ValueError("one for all")
    coroutine = names["coroutine"](shared, "a")
    coroutine.send(None)
    generator = names["generator"](shared, "b")
    next(generator)
    asynchronous = names["asynchronous"](shared, "c")
    step = anext(asynchronous)
    step.send(None)
    with pytest.raises(ValueError, match="one for all"):
        private_call(names["fail"])(shared, "d")
    kept = {frame.f_code.co_name: frame.f_locals.get("secret") for frame in frames(shared)}
    assert {name: kept[name] for name in ("coroutine", "generator", "asynchronous", "fail")} == {
        "coroutine": "a",
        "generator": "b",
        "asynchronous": "c",
        "fail": None,
    }
    with pytest.raises(StopIteration) as done:
        coroutine.send(None)
    assert done.value.value == "a"
    assert next(generator) == "b"
    with pytest.raises(StopIteration) as done:
        step.send(None)
    assert done.value.value == "c"


@pytest.mark.anyio
async def test_an_exception_that_tasks_share(serve: Callable[..., ScriptedServer]) -> None:
    """A mock raises one exception object for all calls. Each call fails, and none waits without end."""
    shared = httpx.ReadError("the same object each time")
    waiting = 0
    gate = anyio.Event()

    class Patient(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            nonlocal waiting
            try:
                raise shared
            except httpx.ReadError:
                waiting += 1
                if waiting == 1:
                    await gate.wait()
                raise

    async with httpx.AsyncClient(transport=Patient()) as http:
        client = AsyncConnectClient(KEY, SUBACCOUNT, http_client=http)
        errors: list[TransportError] = []

        async def send() -> None:
            with pytest.raises(TransportError) as caught:
                await client.sms.send(SMS)
            errors.append(caught.value)

        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(send)
            await seen(lambda: len(errors) == 4)
            gate.set()
    assert [leaks(error) for error in errors] == [[]] * 5


@pytest.mark.anyio
async def test_what_was_handled_before_the_call_keeps_its_locals() -> None:
    theirs = library("def fail(note):\n    raise KeyError(1)")["fail"]
    client = AsyncConnectClient(KEY, SUBACCOUNT, sms_base_url="https://127.0.0.1:9")
    with pytest.raises(TransportError) as caught:
        try:
            theirs(KEPT)
        except KeyError:
            await client.sms.send(SMS)
    assert leaks(caught.value) == []
    context: BaseException | None = caught.value
    while context is not None and not isinstance(context, KeyError):
        context = context.__context__
    assert context is not None
    assert frames(context)[-1].f_locals == {"note": KEPT}


@pytest.mark.anyio
async def test_a_transport_of_the_application_keeps_its_locals() -> None:
    class Around(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            note = KEPT
            try:
                return await super().handle_async_request(request)
            except httpx.ConnectError as error:
                raise RuntimeError(len(note)) from error

    async with httpx.AsyncClient(transport=Around()) as http:
        client = AsyncConnectClient(KEY, SUBACCOUNT, http_client=http, sms_base_url="https://127.0.0.1:9")
        with pytest.raises(TransportError) as caught:
            await client.sms.send(SMS)
    assert leaks(caught.value) == []
    assert repr(KEPT) in set(locals_of(caught.value))


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.anyio
async def test_frames_of_a_call_in_progress(
    serve: Callable[..., ScriptedServer], connect: Callable[..., AsyncConnectClient], anyio_backend: str
) -> None:
    """Frames that wait for the answer show no secret either, because a tool can look at a running task."""
    gate = threading.Event()
    with serve(gate=gate) as server:
        async with connect(server) as client:
            task = asyncio.create_task(client.sms.send(SMS))
            await seen(lambda: server.received)
            names, shown = [], []
            waiting: Any = task.get_coro()
            while hasattr(waiting, "cr_frame"):
                names.append(waiting.cr_frame.f_code.co_name)
                shown += [repr(value) for value in waiting.cr_frame.f_locals.values()]
                waiting = waiting.cr_await
            gate.set()
            await task
    assert {"_run", "send", "exchange"} <= set(names)
    assert not [one for one in shown if NUMBER[1:] in one or KEY in one or TEXT in one]


def test_an_interrupted_write(tls: ssl.SSLContext) -> None:
    """After a KeyboardInterrupt in a callback of the loop, no code of ours runs that could empty the frames."""

    class Interrupted:
        def write(self, data: object) -> None:
            del data
            raise KeyboardInterrupt

    line = Line(None, "localhost")
    line._transport = Interrupted()  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt) as caught:
        line.send(b"Bearer " + KEY.encode())
    assert leaks(caught.value) == []
    with pytest.raises(ssl.SSLError) as failed:  # before the handshake
        TlsPipe(tls, "localhost").encrypt(b"Bearer " + KEY.encode())
    assert leaks(failed.value) == ["ssl.py:write:data"]  # emptied later, when the error leaves the operation
