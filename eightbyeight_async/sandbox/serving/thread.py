"""The thread of a sandbox: its own event loop runs the hosts and the callback poster until the sandbox stops."""

import asyncio
import concurrent.futures
import contextlib
import importlib
import threading
from collections.abc import Callable, Coroutine, Iterable

PATIENCE = 10.0  # seconds after which a start or a stop counts as failed

Running = Callable[[], Coroutine[None, None, None]]


def run_in_thread(running: Iterable[Running]) -> Callable[[], None]:
    """Run all coroutine functions in a new thread, each until cancelled; return the function that ends the thread."""
    ready: concurrent.futures.Future[Callable[[], None]] = concurrent.futures.Future()
    thread = threading.Thread(target=_thread, args=(list(running), ready), name="eightbyeight-sandbox", daemon=True)
    thread.start()
    shut_down = ready.result(PATIENCE)

    def finish() -> None:
        shut_down()
        thread.join(PATIENCE)
        if thread.is_alive():
            raise RuntimeError(f"the sandbox's thread did not end within {PATIENCE:g} s")

    return finish


def _thread(running: list[Running], ready: "concurrent.futures.Future[Callable[[], None]]") -> None:
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(running, ready))
    except BaseException as problem:
        if ready.done():
            raise
        ready.set_exception(problem)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop if it is installed, because a request then costs a sixth less; else the selector loop, also on Windows.

    The event loop policy of the process does not matter: both loops have every feature that `Listener` needs.
    """
    try:
        factory: Callable[[], asyncio.AbstractEventLoop] = importlib.import_module("uvloop").new_event_loop
    except ImportError:
        return asyncio.SelectorEventLoop
    return factory


async def _serve(running: list[Running], ready: "concurrent.futures.Future[Callable[[], None]]") -> None:
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    # By default asyncio logs the errors of broken connections, addresses included.
    loop.set_exception_handler(lambda _loop, _context: None)

    def shut_down() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has already ended
            loop.call_soon_threadsafe(over.set)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(run()) for run in running]
        ready.set_result(shut_down)
        await over.wait()
        for task in tasks:
            task.cancel()
