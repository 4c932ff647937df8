"""The thread a sandbox lives in: a loop of its own that runs its hosts and its callbacks until told to stop."""

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterable

PATIENCE = 10.0  # seconds a start or a stop may take before something must be broken

Running = Callable[[], Coroutine[None, None, None]]


def run_in_thread(running: Iterable[Running]) -> Callable[[], None]:
    """Start them all, each to run until it is cancelled; return what ends them and the thread."""
    ready: concurrent.futures.Future[Callable[[], None]] = concurrent.futures.Future()
    thread = threading.Thread(target=_thread, args=(list(running), ready), name="eightbyeight-sandbox", daemon=True)
    thread.start()
    shut_down = ready.result(PATIENCE)

    def finish() -> None:
        shut_down()
        thread.join(PATIENCE)
        if thread.is_alive():
            raise RuntimeError("the sandbox's thread does not end")

    return finish


def _thread(running: list[Running], ready: "concurrent.futures.Future[Callable[[], None]]") -> None:
    try:
        # The plain selector loop whatever policy is set: it has what Listener needs on every platform.
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(_serve(running, ready))
    except BaseException as problem:
        if ready.done():
            raise
        ready.set_exception(problem)


async def _serve(running: list[Running], ready: "concurrent.futures.Future[Callable[[], None]]") -> None:
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    # asyncio would log what broken connections leave behind, addresses and all.
    loop.set_exception_handler(lambda _loop, _context: None)

    def shut_down() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended by itself
            loop.call_soon_threadsafe(over.set)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(run()) for run in running]
        ready.set_result(shut_down)
        await over.wait()
        for task in tasks:
            task.cancel()
