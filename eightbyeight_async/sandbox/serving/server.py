"""The class `Sandbox`: HTTPS listeners on loopback, in a thread with its own event loop.

- Because of its own thread, the sandbox works with asyncio, with trio and in synchronous code, and a client that
  blocks its event loop cannot block the server.
- Starting and stopping are synchronous: they take milliseconds, and a cancelled scope cannot interrupt them.
"""

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
from typing import Any, Self

from eightbyeight_async import AsyncConnectClient
from eightbyeight_async.sandbox.api import chatapps as chatapps_api
from eightbyeight_async.sandbox.api import sms as sms_api
from eightbyeight_async.sandbox.api.message_details import DEFAULT_CHANNEL
from eightbyeight_async.sandbox.api.request_pipeline import RequestPipeline
from eightbyeight_async.sandbox.control.clock import SandboxClock
from eightbyeight_async.sandbox.control.inspection import Inspectable
from eightbyeight_async.sandbox.control.traffic import Traffic
from eightbyeight_async.sandbox.export.file_host import FileHost
from eightbyeight_async.sandbox.export.jobs import Links
from eightbyeight_async.sandbox.messages.message import Product
from eightbyeight_async.sandbox.messages.message_store import Keep
from eightbyeight_async.sandbox.messages.shared_state import SharedState
from eightbyeight_async.sandbox.serving.certificates import make_certificates, trusting_context
from eightbyeight_async.sandbox.serving.listener import Handler, Listener, bind
from eightbyeight_async.sandbox.serving.thread import run_in_thread
from eightbyeight_async.sandbox.webhooks.callback_bodies import inbound
from eightbyeight_async.sandbox.webhooks.callback_poster import post_callbacks
from eightbyeight_async.sandbox.webhooks.loopback_only import loopback_url

ACCOUNT_ID = "5a4db0c5-acc0-4000-8000-000000000001"  # invented; the same in every sandbox


class Sandbox(Inspectable):
    """A sandbox of the 8x8 Connect API on loopback, for `with` and `async with`. A stopped sandbox cannot start again.

    - `api_key`: the accepted API key; a random one by default.
    - `subaccount_id`: the sub-account of `client()` and `environment`.
    - `account_id`: the account that the sub-accounts belong to, a UUID.
    - `more_subaccount_ids`: further sub-accounts that are accepted.
    - `rejected_destinations`: numbers whose messages get the status REJECTED. Numbers with the unassigned country code
      +999 always get it.
    - `rate_limit`: requests per second for each sub-account; more get HTTP 429. None for no limit.
    - `details_limit`: the same for requests of message details; 8x8's own limit is 1.
    - `latency`: seconds added before every response.
    - `allow_tls12`: whether TLS 1.2 is offered in addition to TLS 1.3.
    - `sms_port`, `chatapps_port`: TCP ports; 0 for any free port.
    - `keep_alive`: seconds that an idle connection is kept.
    - `clock`: a function that returns the time as an aware datetime, instead of the real time.
    - `keep`: "all" keeps every message. "counts" forgets a message once it is sent and only counts its client
      message id, for runs of a million messages.
    - `callback_url`: the URL to which receipts of messages without a dlrCallbackUrl are POSTed.
    - `export_lag`, `export_links`: `lag` (seconds) and `links` of `Exports`.

    `start` raises OSError if a port is taken.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        subaccount_id: str = "sandbox-account",
        account_id: str = ACCOUNT_ID,
        more_subaccount_ids: Iterable[str] = (),
        rejected_destinations: Iterable[str] = (),
        rate_limit: float | None = None,
        details_limit: float | None = None,
        latency: float = 0.0,
        allow_tls12: bool = False,
        sms_port: int = 0,
        chatapps_port: int = 0,
        keep_alive: float = 75.0,
        clock: Callable[[], datetime] | None = None,
        keep: Keep = "all",
        callback_url: str | None = None,
        export_lag: float = 0.0,
        export_links: Links = "api",
    ) -> None:
        self.api_key: str = api_key if api_key is not None else f"sandbox-key-{secrets.token_hex(8)}"
        self.subaccount_id = subaccount_id
        self.account_id = account_id
        self._allow_tls12 = allow_tls12
        self._wanted_ports = (sms_port, chatapps_port)
        self._keep_alive = keep_alive
        self._state = SharedState(
            api_key=self.api_key,
            account_id=account_id,
            subaccount_ids=tuple(dict.fromkeys([subaccount_id, *more_subaccount_ids])),
            rejected_destinations=rejected_destinations,
            rejected_prefix=sms_api.REJECTED_PREFIX,
            rate_limit=rate_limit,
            details_limit=details_limit,
            latency=latency,
            clock=SandboxClock(clock),
            keep=keep,
            callback_url=callback_url,
            export_lag=export_lag,
            export_links=export_links,
        )
        self._lock = threading.Lock()
        self._resources = contextlib.ExitStack()
        self._started = False
        self._ports: tuple[int, ...] | None = None
        self._ca_file: Path | None = None

    # How to reach it

    @property
    def sms_base_url(self) -> str:
        """The base URL for SMS. RuntimeError if the sandbox is not running."""
        return f"https://localhost:{self._running_ports()[0]}"

    @property
    def chatapps_base_url(self) -> str:
        """The base URL for ChatApps. RuntimeError if the sandbox is not running."""
        return f"https://localhost:{self._running_ports()[1]}"

    @property
    def storage_base_url(self) -> str:
        """The host of exported files for `export_links` "elsewhere" and "redirect": another name, another port."""
        return f"https://127.0.0.1:{self._running_ports()[2]}"

    @property
    def ca_file(self) -> str:
        """Path of the authority's certificate (PEM); the file is deleted when the sandbox stops."""
        self._running_ports()
        return str(self._ca_file)

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that connect a client in another process to this sandbox."""
        return {
            "EIGHTBYEIGHT_API_KEY": self.api_key,
            "EIGHTBYEIGHT_SUBACCOUNT_ID": self.subaccount_id,
            "EIGHTBYEIGHT_ACCOUNT_ID": self.account_id,
            "EIGHTBYEIGHT_SMS_BASE_URL": self.sms_base_url,
            "EIGHTBYEIGHT_CHATAPPS_BASE_URL": self.chatapps_base_url,
            "SSL_CERT_FILE": self.ca_file,
        }

    def ssl_context(self, minimum_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
        """A TLS context for a client that trusts only this sandbox."""
        return trusting_context(Path(self.ca_file), minimum_version)

    def client(self, **options: Any) -> "AsyncConnectClient":  # noqa: ANN401 - the client's own options
        """An AsyncConnectClient of this sandbox; `options` are the client's options and override the sandbox's."""
        from eightbyeight_async import AsyncConnectClient  # noqa: PLC0415 - the server does not need it

        wiring: dict[str, Any] = {
            "api_key": self.api_key,
            "subaccount_id": self.subaccount_id,
            "account_id": self.account_id,
            "sms_base_url": self.sms_base_url,
            "chatapps_base_url": self.chatapps_base_url,
        }
        if "http_client" not in options and "ssl_context" not in options:
            wiring["ssl_context"] = self.ssl_context()
        return AsyncConnectClient(**{**wiring, **options})

    def receive(
        self,
        from_: str,
        text: str,
        *,
        to: str | None = None,
        product: Product = "sms",
        subaccount_id: str | None = None,
        callback_url: str | None = None,
    ) -> str:
        """Simulate an inbound message: POST an `inbound_message_received` event and return its umid.

        - `from_`: the sender's number.
        - `to`: the receiving number or, for ChatApps, the channel; by default a Singapore number or WhatsApp.
        - `callback_url`: by default `receipts.callback_url`.

        Raises ValueError if there is no callback URL, or if it is not on a loopback address.
        """
        self._running_ports()
        url = callback_url or self.receipts.callback_url
        if url is None or loopback_url(url) is None:
            raise ValueError("an inbound message needs a callback_url on a loopback address")
        recipient = to if to is not None else {"sms": "+6581112222", "chatapps": DEFAULT_CHANNEL}[product]
        now = self.clock.now()
        account = subaccount_id if subaccount_id is not None else self.subaccount_id
        body = inbound(product, account, now, sender=from_, recipient=recipient, text=text)
        umid: str = body["payload"]["umid"]
        self.receipts.post(url, now, umid, lambda: body)
        self.receipts.wake()
        return umid

    # Lifecycle

    def start(self) -> None:
        """Start listening; `with` calls it. A second call while it runs does nothing."""
        with self._lock:
            if self._started:
                if self._ports is None:
                    raise RuntimeError("this sandbox has been stopped: make a new one")
                return
            with contextlib.ExitStack() as resources:
                directory = resources.enter_context(tempfile.TemporaryDirectory(prefix="eightbyeight-sandbox-"))
                self._ca_file, context = make_certificates(Path(directory), allow_tls12=self._allow_tls12)
                sockets: list[list[socket.socket]] = []
                for port in (*self._wanted_ports, 0):
                    sockets.append(bind(port))
                    for listening in sockets[-1]:
                        resources.callback(listening.close)
                self._ports = tuple(listening[0].getsockname()[1] for listening in sockets)
                self._state.exports.api_url = self.sms_base_url
                self._state.exports.storage_url = self.storage_base_url
                try:
                    resources.callback(self._run(context, sockets))
                except BaseException:
                    self._ports = None
                    raise
                self._started = True
                self._resources = resources.pop_all()

    def stop(self) -> None:
        """Close every connection at once, end the thread, delete the files. May be called any number of times.

        Raises ExceptionGroup with the exceptions that were bugs of the sandbox itself.
        """
        self._close()
        if self._state.bugs:
            bugs, self._state.bugs = self._state.bugs, []
            raise ExceptionGroup("the sandbox itself failed, so the test's result proves nothing", bugs)

    def _close(self) -> None:
        with self._lock:
            self._resources.close()
            self._ports = None
            self._started = True

    def _run(self, context: ssl.SSLContext, sockets: list[list[socket.socket]]) -> Callable[[], None]:
        state = self._state
        handlers: tuple[tuple[Handler, Traffic], ...] = (
            (RequestPipeline("sms", sms_api.OPERATIONS, state), state.traffic),
            (RequestPipeline("chatapps", chatapps_api.OPERATIONS, state), state.traffic),
            (FileHost(state), Traffic()),  # counted apart from the API's traffic
        )
        listeners = [
            Listener(listening, context, handler, traffic, self._keep_alive)
            for listening, (handler, traffic) in zip(sockets, handlers, strict=True)
        ]

        async def callbacks() -> None:
            try:
                await post_callbacks(state.receipts)
            except Exception as bug:  # noqa: BLE001 - re-raised by stop()
                state.bugs.append(bug)

        return run_in_thread([*(listener.run for listener in listeners), callbacks])

    def _running_ports(self) -> tuple[int, ...]:
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
            # does not call stop(), because its ExceptionGroup would hide the exception that ends the block
            self._close()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)

    def __repr__(self) -> str:
        if not {"_ports", "_started"} <= set(vars(self)):
            return "<Sandbox not made: its settings were refused>"
        if self._ports is None:
            return "<Sandbox stopped>" if self._started else "<Sandbox not started>"
        return f"<Sandbox sms on port {self._ports[0]}, chatapps on port {self._ports[1]}>"
