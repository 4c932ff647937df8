"""The Sandbox itself: two HTTPS listeners on loopback in a thread with a loop of its own.

A thread of its own makes it usable from asyncio, from trio and from plain synchronous code alike, and a
client that blocks its loop cannot block the server. Starting and stopping are synchronous: they take
milliseconds, and a cancelled scope cannot keep them from finishing.
"""

import asyncio
import concurrent.futures
import contextlib
import secrets
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from eightbyeight_async.sandbox import chatapps_api, sms_api
from eightbyeight_async.sandbox.certificates import make_certificates, trusting_context
from eightbyeight_async.sandbox.clock import SandboxClock
from eightbyeight_async.sandbox.faults import Faults
from eightbyeight_async.sandbox.listener import Listener, bind
from eightbyeight_async.sandbox.message import SandboxMessage
from eightbyeight_async.sandbox.reception import Reception
from eightbyeight_async.sandbox.state import State
from eightbyeight_async.sandbox.traffic import SandboxRequest, Traffic
from eightbyeight_async.sandbox.violations import Violation

if TYPE_CHECKING:
    from eightbyeight_async import AsyncConnectClient

_PATIENCE = 10.0  # seconds a start or a stop may take before something must be broken


class Sandbox:
    """An 8x8 Connect API on loopback, for `with` and `async with`; started once, stopped for good.

    `api_key`: a random one by default. `subaccount_id`: the account's sub-account; `more_subaccount_ids`
    are accepted as well. `rejected_destinations`: numbers that are answered REJECTED, besides every number
    under the unassigned country code +999. `rate_limit`: requests a second and sub-account before 429, None
    for no limit. `latency`: seconds added to every answer. `allow_tls12`: offer TLS 1.2 beside 1.3.
    `sms_port`, `chatapps_port`: 0 for a free one. `keep_alive`: seconds an idle connection is kept.
    `clock`: what returns the time (aware) instead of the real one.

    Raises OSError when a port is taken.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        subaccount_id: str = "sandbox-account",
        more_subaccount_ids: Iterable[str] = (),
        rejected_destinations: Iterable[str] = (),
        rate_limit: float | None = None,
        latency: float = 0.0,
        allow_tls12: bool = False,
        sms_port: int = 0,
        chatapps_port: int = 0,
        keep_alive: float = 75.0,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.api_key = api_key if api_key is not None else f"sandbox-key-{secrets.token_hex(8)}"
        self.subaccount_id = subaccount_id
        self._allow_tls12 = allow_tls12
        self._wanted_ports = (sms_port, chatapps_port)
        self._keep_alive = keep_alive
        self._state = State(
            api_key=self.api_key,
            subaccount_ids=frozenset({subaccount_id, *more_subaccount_ids}),
            rejected_destinations=rejected_destinations,
            rejected_prefix=sms_api.REJECTED_PREFIX,
            rate_limit=rate_limit,
            latency=latency,
            clock=SandboxClock(clock),
        )
        self._lock = threading.Lock()
        self._resources = contextlib.ExitStack()
        self._started = False
        self._ports: tuple[int, int] | None = None
        self._ca_file: Path | None = None

    # What a test looks at

    @property
    def messages(self) -> list[SandboxMessage]:
        """What was accepted (QUEUED or scheduled), in order, each in its present state; a new list."""
        return self._state.store.accepted()

    @property
    def rejected(self) -> list[SandboxMessage]:
        """What was answered REJECTED, in order: it is not part of `messages`."""
        return self._state.store.rejected()

    @property
    def requests(self) -> list[SandboxRequest]:
        """The last 1,000 requests, refused and dropped ones included; `traffic.requests` counts all."""
        return list(self._state.traffic.last_requests)

    @property
    def violations(self) -> list[Violation]:
        """What clients sent that 8x8's OpenAPI files do not know; an honest client leaves it empty."""
        return list(self._state.violations)

    @property
    def traffic(self) -> Traffic:
        """The live counters."""
        return self._state.traffic

    # What a test sets

    @property
    def faults(self) -> Faults:
        """What goes wrong, and when."""
        return self._state.faults

    @property
    def clock(self) -> SandboxClock:
        """`clock.advance(3600)`: an hour later, what was scheduled meanwhile is sent."""
        return self._state.clock

    @property
    def rate_limit(self) -> float | None:
        return self._state.pace.limit

    @rate_limit.setter
    def rate_limit(self, limit: float | None) -> None:
        if limit is not None and limit <= 0:
            raise ValueError("rate_limit is a positive number of requests a second, or None")
        self._state.pace.limit = limit

    @property
    def latency(self) -> float:
        return self._state.latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        self._state.latency = seconds

    def reset(self) -> None:
        """As freshly started, on the same ports: no messages, faults, violations, counts; the first settings."""
        self._state.reset()

    # How to reach it

    @property
    def sms_base_url(self) -> str:
        return f"https://localhost:{self._running_ports()[0]}"

    @property
    def chatapps_base_url(self) -> str:
        return f"https://localhost:{self._running_ports()[1]}"

    @property
    def ca_file(self) -> str:
        """Path of the authority's certificate (PEM); it goes away when the sandbox stops."""
        self._running_ports()
        return str(self._ca_file)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point a client of another process at this sandbox."""
        return {
            "EIGHTBYEIGHT_API_KEY": self.api_key,
            "EIGHTBYEIGHT_SUBACCOUNT_ID": self.subaccount_id,
            "EIGHTBYEIGHT_SMS_BASE_URL": self.sms_base_url,
            "EIGHTBYEIGHT_CHATAPPS_BASE_URL": self.chatapps_base_url,
            "SSL_CERT_FILE": self.ca_file,
        }

    def ssl_context(self, minimum_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
        """A client's context that trusts this sandbox and nothing else."""
        return trusting_context(Path(self.ca_file), minimum_version)

    def client(self, **options: Any) -> "AsyncConnectClient":  # noqa: ANN401 - the client's own options
        """An AsyncConnectClient wired to this sandbox; options are the client's own and go first."""
        from eightbyeight_async import AsyncConnectClient  # noqa: PLC0415 - the server itself needs none of it

        wiring: dict[str, Any] = {
            "api_key": self.api_key,
            "subaccount_id": self.subaccount_id,
            "sms_base_url": self.sms_base_url,
            "chatapps_base_url": self.chatapps_base_url,
        }
        if "http_client" not in options and "ssl_context" not in options:
            wiring["ssl_context"] = self.ssl_context()
        return AsyncConnectClient(**{**wiring, **options})

    # Lifecycle

    def start(self) -> None:
        """Listen. Called by `with`; a second call while running does nothing."""
        with self._lock:
            if self._started:
                if self._ports is None:
                    raise RuntimeError("this sandbox has been stopped: make a new one")
                return
            with contextlib.ExitStack() as resources:
                directory = resources.enter_context(tempfile.TemporaryDirectory(prefix="eightbyeight-sandbox-"))
                self._ca_file, context = make_certificates(Path(directory), allow_tls12=self._allow_tls12)
                sockets: list[list[socket.socket]] = []
                for port in self._wanted_ports:
                    sockets.append(bind(port))
                    for listening in sockets[-1]:
                        resources.callback(listening.close)
                self._run_thread(context, sockets, resources)
                self._started = True
                self._ports = (sockets[0][0].getsockname()[1], sockets[1][0].getsockname()[1])
                self._resources = resources.pop_all()

    def stop(self) -> None:
        """Close every connection at once, finish the thread, remove the files; again and again is fine.

        Raises what went wrong inside the sandbox itself, if anything did.
        """
        self._close()
        if self._state.bugs:
            bugs, self._state.bugs = self._state.bugs, []
            raise ExceptionGroup("the sandbox itself failed; a test that saw it proves nothing", bugs)

    def _close(self) -> None:
        with self._lock:
            self._resources.close()
            self._ports = None
            self._started = True

    def _run_thread(
        self, context: ssl.SSLContext, sockets: list[list[socket.socket]], resources: contextlib.ExitStack
    ) -> None:
        ready: concurrent.futures.Future[Callable[[], None]] = concurrent.futures.Future()
        state = self._state
        receptions = (
            Reception("sms", sms_api.OPERATIONS, state),
            Reception("chatapps", chatapps_api.OPERATIONS, state),
        )
        listeners = [
            Listener(listening, context, reception, state.traffic, self._keep_alive)
            for listening, reception in zip(sockets, receptions, strict=True)
        ]
        thread = threading.Thread(target=_thread, args=(listeners, ready), name="eightbyeight-sandbox", daemon=True)
        thread.start()
        shut_down = ready.result(_PATIENCE)

        def finish() -> None:
            shut_down()
            thread.join(_PATIENCE)
            if thread.is_alive():
                raise RuntimeError("the sandbox's thread does not end")

        resources.callback(finish)

    def _running_ports(self) -> tuple[int, int]:
        if self._ports is None:
            raise RuntimeError("this sandbox is not running: use it in a with or async with block")
        return self._ports

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self.stop()
        else:
            self._close()  # what goes on its way out already is not to be hidden

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)

    def __repr__(self) -> str:
        if self._ports is None:
            return "<Sandbox stopped>" if self._started else "<Sandbox not started>"
        return f"<Sandbox sms on port {self._ports[0]}, chatapps on port {self._ports[1]}>"


def _thread(listeners: list[Listener], ready: "concurrent.futures.Future[Callable[[], None]]") -> None:
    try:
        # The plain selector loop whatever policy is set: it has what Listener needs on every platform.
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(_serve(listeners, ready))
    except BaseException as problem:
        if ready.done():
            raise
        ready.set_exception(problem)


async def _serve(listeners: list[Listener], ready: "concurrent.futures.Future[Callable[[], None]]") -> None:
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    # asyncio would log what broken connections leave behind, addresses and all.
    loop.set_exception_handler(lambda _loop, _context: None)

    def shut_down() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended by itself
            loop.call_soon_threadsafe(over.set)

    async with asyncio.TaskGroup() as group:
        running = [group.create_task(listener.run()) for listener in listeners]
        ready.set_result(shut_down)
        await over.wait()
        for task in running:
            task.cancel()
