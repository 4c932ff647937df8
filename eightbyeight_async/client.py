"""The class `AsyncConnectClient`: it checks the settings, connects the parts and owns the connection pool."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Self, cast

import attrs

from eightbyeight_async import late_types, settings
from eightbyeight_async.account import AccountOperations
from eightbyeight_async.chatapps import ChatAppsOperations
from eightbyeight_async.errors import ClientClosedError
from eightbyeight_async.exchange import Exchange
from eightbyeight_async.frame_privacy import private_call
from eightbyeight_async.hosts import Product, Region, host_of
from eightbyeight_async.models.rules import account, subaccount
from eightbyeight_async.request_pacer import Pacer
from eightbyeight_async.retry import RetryPolicy
from eightbyeight_async.sms import SmsOperations
from eightbyeight_async.transport.through_httpx import HttpxDoor
from eightbyeight_async.transport.tls import checked_context, pinned_context

if TYPE_CHECKING:
    from eightbyeight_async.transport.choose import Sender

__all__ = ["AsyncConnectClient"]


class AsyncConnectClient:
    """The client of the 8x8 Connect messaging API::

        async with AsyncConnectClient(api_key, subaccount_id) as client:
            receipt = await client.sms.send(SmsRequest(destination="+6598765432", text="Hello", source="ACME"))

    Make one client and share it, because it has the connection pool. It can be made outside an event loop, and several
    event loops can use it, one after another or at once in several threads. Each loop then has its own connections;
    `max_concurrency` and `max_rate` apply to all loops together. A forked process has its own connections and limits.

    Args:
        api_key: the API key; None for `EIGHTBYEIGHT_API_KEY`.
        subaccount_id: the sub-account; None for `EIGHTBYEIGHT_SUBACCOUNT_ID`.
        account_id: the account that the sub-account belongs to, a UUID; None for `EIGHTBYEIGHT_ACCOUNT_ID`. Only
            `client.account` needs it.
        region: the region of the account, a `Region` or its name; it decides the hosts. None for
            `EIGHTBYEIGHT_REGION`, or else Asia Pacific.
        sms_base_url: another base URL for SMS; https, or http to a loopback address. None for
            `EIGHTBYEIGHT_SMS_BASE_URL`, or else the region's host.
        chatapps_base_url: the same for ChatApps; None for `EIGHTBYEIGHT_CHATAPPS_BASE_URL`, or else the region's host.
        retry: how errors with a code of the 2000 class are retried. No other error is retried.
        timeout: seconds for each phase of an attempt: connecting, writing, and each wait for a piece of the response.
            Waiting for a free place under `max_concurrency` has no time limit. A response in many small pieces can take
            any time: see `deadline`.
        deadline: seconds for a whole call: waiting under `max_concurrency` and `max_rate`, all attempts, and the pauses
            between them. After that time a TransportTimeoutError is raised, with `Sent.NO` if the request was not
            started yet. The download of a log file is not limited. None for no limit.
        max_concurrency: the most calls in flight over the whole client; further calls wait in order of arrival.
        max_rate: the most calls a second over the whole client, evenly spaced; None for no limit.
        ssl_context: your own context, for a private CA or a client certificate. It must allow only TLS 1.3 and check
            certificates. None for certifi's authorities, or those in `SSL_CERT_FILE` or `SSL_CERT_DIR`.
        http_client: your application's own `httpx.AsyncClient` or `httpx2.AsyncClient`. Its TLS, proxies, pool and
            hooks are used unchanged, and it is never closed. Every transport failure is then `Sent.MAYBE`, because the
            phases of its transport are unknown. Bytes that a server sends after an answer can be read as the next
            answer, unless the client has `max_keepalive_connections=0`. An AssertionError, e.g. of a mock, is raised
            unchanged. An `auth` of your client would replace the API key. Your client serves one event loop at a time.
        proxy: the proxy for all https calls; None for `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`. The connections
            through a proxy are slower than direct ones.
        http2: whether HTTP/2 is offered (extra `[http2]`). httpx's own connections are used then, which are slower.
        event_hooks: as for `httpx.AsyncClient`: lists of async functions, under "request" and "response". Every call
            then goes through httpx, each on a new connection: see `http`.
        transport: as for `httpx.AsyncClient`; every call and every download goes through it, and nothing bypasses it. A
            test without network passes an `httpx.MockTransport`. Every transport failure is then `Sent.MAYBE`, and an
            AssertionError is raised unchanged. The transport is closed with the client.
        on_attempt: a plain function, called with an `AttemptEvent` at the end of every attempt, in its event loop. So
            it must be quick. An exception that it raises is logged without its text, and does not affect the call. The
            clients of `with_options` share it. None for no hook, which costs nothing.
        on_wait: the same, but called with a `WaitEvent` at the end of every wait: for a place (`max_concurrency`), for
            a turn (`max_rate`), or before a retry.
        long_text: `TextPolicy` or its string, for SMS texts of more than 10 parts, which the platform truncates and
            sends: `warn` (a `LongTextWarning`), `refuse` (an InvalidRequestError before anything is sent), `allow`.

    Raises:
        InvalidRequestError: a setting is missing or breaks its rule; the error names the setting.

    Attributes:
        sms: the SMS operations.
        chatapps: the Messaging Apps operations.
        account: prices and balance of the account.
    """

    sms: SmsOperations

    @private_call
    def __init__(
        self,
        api_key: str | None = None,
        subaccount_id: str | None = None,
        *,
        account_id: str | None = None,
        region: Region | str | None = None,
        sms_base_url: str | None = None,
        chatapps_base_url: str | None = None,
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - frozen
        timeout: float = 30.0,
        deadline: float | None = None,
        max_concurrency: int = 100,
        max_rate: float | None = None,
        ssl_context: ssl.SSLContext | None = None,
        http_client: settings.HttpClient | None = None,
        proxy: str | late_types.httpx.Proxy | None = None,
        http2: bool = False,
        event_hooks: settings.EventHooks | None = None,
        transport: late_types.httpx.AsyncBaseTransport | None = None,
        on_attempt: Callable[[late_types.AttemptEvent], object] | None = None,
        on_wait: Callable[[late_types.WaitEvent], object] | None = None,
        long_text: late_types.TextPolicy | str = "warn",
    ) -> None:
        # Imported here, because it imports asyncio, and not every import of this package makes a client.
        from eightbyeight_async.limiter import Limiter

        key = settings.found_key(api_key)
        options = settings.options(subaccount_id, retry, timeout, long_text, deadline, account_id)
        bases = settings.bases(region, sms_base_url, chatapps_base_url)
        width = settings.checked_count(max_concurrency, "max_concurrency")
        rate = settings.checked_rate(max_rate, "max_rate")
        hooks = settings.checked_hooks(event_hooks)
        watch = None
        if on_attempt is not None or on_wait is not None:
            from eightbyeight_async.call_hooks import Watch

            on_attempt = settings.checked_hook(on_attempt, "on_attempt")
            watch = Watch(on_attempt, settings.checked_hook(on_wait, "on_wait"))
        if http_client is not None:
            settings.check_http_client(http_client)
            here = {"event_hooks": hooks, "transport": transport}
            settings.check_without_effect("http_client", ssl_context, proxy, http2=http2, **here)
        if transport is not None:
            settings.check_transport(transport)
            settings.check_without_effect("transport", ssl_context, proxy, http2=http2)
        sender: Callable[[], Sender] | None = None
        if http_client is not None:
            foreign = cast("late_types.httpx.AsyncClient", http_client)  # httpx2's client has the same methods
            door = HttpxDoor(lambda: foreign, always=True, phases=False, own=False)
        elif transport is not None:
            import httpx

            with_transport = partial(httpx.AsyncClient, transport=transport, event_hooks=hooks, timeout=options.timeout)
            door = HttpxDoor(with_transport, always=True, phases=False)
        else:
            from eightbyeight_async.transport.choose import make_sender, watched_client
            from eightbyeight_async.transport.proxy_routes import proxy_routes

            context = pinned_context() if ssl_context is None else checked_context(ssl_context)
            through = settings.checked_proxy(proxy)
            asked = settings.checked_http2(http2)
            routes = proxy_routes(context, through)
            watched = partial(
                watched_client,
                ssl_context=context,
                routes=routes,
                http2=asked,
                timeout=options.timeout,
                event_hooks=hooks,
            )
            door = HttpxDoor(watched, always=any((hooks or {}).values()))
            sender = partial(make_sender, ssl_context=context, max_connections=width, routes=routes, http2=asked)
        exchange = Exchange(
            sender=sender,
            door=door,
            key=key,
            bases=bases,
            limiter=Limiter(width),
            pacer=None if rate is None else Pacer(rate, time.monotonic),
            watch=watch,
        )
        self._bind(exchange, options, owner=True)

    def with_options(
        self,
        *,
        subaccount_id: str | None = None,
        account_id: str | None = None,
        retry: RetryPolicy | None = None,
        timeout: float | None = None,
        deadline: float | None = None,
        long_text: late_types.TextPolicy | str | None = None,
    ) -> Self:
        """A client with other options that shares this client's pool, `max_concurrency`, `max_rate` and hooks.

        An argument of None keeps this client's value. Closing the new client does nothing, because the pool belongs to
        the first client.

        Raises:
            InvalidRequestError: an option breaks its rule; the error names the option.
        """
        options = self._options
        if subaccount_id is not None:
            options = attrs.evolve(options, subaccount_id=subaccount(subaccount_id))
        if account_id is not None:
            options = attrs.evolve(options, account_id=account(account_id))
        if retry is not None:
            options = attrs.evolve(options, retry=settings.checked_retry(retry))
        if timeout is not None:
            options = attrs.evolve(options, timeout=settings.checked_seconds(timeout, "timeout"))
        if deadline is not None:
            options = attrs.evolve(options, deadline=settings.checked_seconds(deadline, "deadline"))
        if long_text is not None:
            options = attrs.evolve(options, long_text=settings.checked_policy(long_text))
        view = object.__new__(type(self))
        view._bind(self._exchange, options, owner=False)
        return view

    def _bind(self, exchange: Exchange, options: settings.CallOptions, *, owner: bool) -> None:
        self._exchange = exchange
        self._options = options
        self._owner = owner
        self.sms = SmsOperations(exchange, options)

    @cached_property
    def chatapps(self) -> ChatAppsOperations:
        """The Messaging Apps operations; their first use imports the models."""
        return ChatAppsOperations(self._exchange, self._options)

    @cached_property
    def account(self) -> AccountOperations:
        """Prices and balance of the account; they need the setting `account_id`."""
        return AccountOperations(self._exchange, self._options)

    @property
    def http(self) -> late_types.httpx.AsyncClient:
        """The `httpx.AsyncClient` of this client, for hooks, auth, headers, mounts and instrumentation.

        From its first use on, every call goes through it, also those of the clients of `with_options`. It has httpx's
        own transports, with a new connection for each call, which costs a TLS handshake. If you gave a `transport`, it
        has that one; if you gave an `http_client`, it is that client.
        """
        return self._exchange.door.public

    @property
    def subaccount_id(self) -> str:
        """The sub-account that this client sends for."""
        return self._options.subaccount_id

    def host(self, product: Product) -> str:
        """Host of a product's base URL, with its port and path if it has them, e.g. `sms.8x8.com`."""
        return host_of(self._exchange.bases[product])

    @property
    def closed(self) -> bool:
        """True after `aclose` of the client that owns the pool."""
        return self._exchange.closed

    async def aclose(self) -> None:
        """Close the pool. Calls in flight fail, later calls raise ClientClosedError. A second call does nothing."""
        if self._owner:
            await self._exchange.aclose()

    async def __aenter__(self) -> Self:
        if self.closed:
            raise ClientClosedError
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        if "_exchange" not in vars(self):
            return f"<{type(self).__name__} not made: its settings were refused>"
        hosts = ", ".join(f"{product.value}={url!r}" for product, url in self._exchange.bases.items())
        closed = ", closed" if self.closed else ""
        return f"<{type(self).__name__} subaccount_id={self._options.subaccount_id!r}, {hosts}{closed}>"
