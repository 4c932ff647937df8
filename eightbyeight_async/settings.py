"""Reads the settings of a client from arguments, from the environment or from defaults, and checks them.

Rules:
- An explicit argument overrides the environment, which overrides the default.
- An empty environment variable counts as not set.
- No message shows the API key.
"""

from __future__ import annotations

import importlib.util
import inspect
import math
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

import attrs

from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.hosts import Product, Region, base_url, checked_base_url, region_named
from eightbyeight_async.models.rules import account, member, subaccount
from eightbyeight_async.retry import RetryPolicy
from eightbyeight_async.transport.httpx_failures import kin

if TYPE_CHECKING:
    import httpx

    from eightbyeight_async.text import TextPolicy  # noqa: TC004 - for the type checker; imported when a client is made

__all__ = [
    "PREFIX",
    "CallOptions",
    "EventHooks",
    "HttpClient",
    "bases",
    "check_http_client",
    "check_transport",
    "check_without_effect",
    "checked_count",
    "checked_hook",
    "checked_hooks",
    "checked_http2",
    "checked_policy",
    "checked_proxy",
    "checked_rate",
    "checked_retry",
    "checked_seconds",
    "found_account",
    "found_key",
    "options",
]

PREFIX = "EIGHTBYEIGHT_"

E = TypeVar("E")


@attrs.frozen(kw_only=True)
class CallOptions:
    """The options of a call, which `with_options` can change. They do not change the connection pool.

    - `subaccount_id`: the sub-account in the path.
    - `retry`: the retry policy.
    - `timeout`: seconds for each phase of an attempt.
    - `account_id`: the account in the path of the account operations; None: these operations cannot be called.
    - `deadline`: seconds for the whole call, with its waits and all attempts; None for no limit.
    - `long_text`: the policy for SMS texts of more than 10 parts.
    """

    subaccount_id: str
    retry: RetryPolicy
    timeout: float
    long_text: TextPolicy
    deadline: float | None = None
    account_id: str | None = None


def found_key(value: str | None, environment: Mapping[str, str] = os.environ) -> str:
    """The API key, checked for use in an HTTP header.

    Raises:
        InvalidRequestError: there is no key, or it has characters that an HTTP header must not have.
    """
    key = _found(value, "api_key", environment)
    if not isinstance(key, str):
        raise InvalidRequestError("api_key", f"must be a string, not {type(key).__name__}")
    if len(key) > 1 and key[0] == key[-1] and key[0] in "\"'`":
        raise InvalidRequestError("api_key", "is still in quotes; give the key without them")
    if key[:7].lower() == "bearer ":
        raise InvalidRequestError("api_key", "begins with 'Bearer'; give the key alone")
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise InvalidRequestError("api_key", "must be visible ASCII characters, without spaces or line ends")
    return key


def options(
    subaccount_id: str | None,
    retry: RetryPolicy,
    timeout: float,
    long_text: TextPolicy | str,
    deadline: float | None = None,
    account_id: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> CallOptions:
    of_account = account_id if account_id is not None else environment.get(PREFIX + "ACCOUNT_ID") or None
    return CallOptions(
        subaccount_id=subaccount(_found(subaccount_id, "subaccount_id", environment)),
        retry=checked_retry(retry),
        timeout=checked_seconds(timeout, "timeout"),
        long_text=checked_policy(long_text),
        deadline=None if deadline is None else checked_seconds(deadline, "deadline"),
        account_id=None if of_account is None else account(of_account),
    )


def found_account(options: CallOptions) -> str:
    """Returns the account's id, which only the account operations need.

    Raises:
        InvalidRequestError: the client has no `account_id`.
    """
    if options.account_id is None:
        raise InvalidRequestError("account_id", f"is not set: pass it to the client, or set {PREFIX}ACCOUNT_ID")
    return options.account_id


def bases(
    region: Region | str | None,
    sms_base_url: str | None,
    chatapps_base_url: str | None,
    environment: Mapping[str, str] = os.environ,
) -> dict[Product, str]:
    """The base URL of each product.

    Each argument of None is taken from the environment. The default region is Asia Pacific, the default base URL is
    that of the region.
    """
    asked = region if region is not None else environment.get(PREFIX + "REGION")
    at = region_named(asked) if asked else Region.ASIA_PACIFIC
    given = {
        Product.SMS: ("sms_base_url", sms_base_url),
        Product.CHATAPPS: ("chatapps_base_url", chatapps_base_url),
    }
    urls = {}
    for product, (name, value) in given.items():
        url = value if value is not None else environment.get(PREFIX + name.upper()) or None
        urls[product] = base_url(at, product) if url is None else checked_base_url(url, name)
    return urls


def checked_retry(value: object) -> RetryPolicy:
    if not isinstance(value, RetryPolicy):
        raise InvalidRequestError("retry", f"must be a RetryPolicy, not {type(value).__name__}")
    return value


def checked_policy(value: TextPolicy | str) -> TextPolicy:
    from eightbyeight_async.text import TextPolicy

    policy = member(TextPolicy, value, "long_text")
    if policy is None:
        raise InvalidRequestError("long_text", "must be 'warn', 'refuse' or 'allow'")
    return policy


class HttpClient(Protocol):
    """The methods that are used of an application's own client, an `httpx.AsyncClient` or `httpx2.AsyncClient`."""

    @property
    def build_request(self) -> Callable[..., Any]: ...

    @property
    def send(self) -> Callable[..., Awaitable[Any]]: ...


def check_http_client(value: object) -> None:
    """Refuse an `http_client` that is not asynchronous: it would send the message before `await` fails."""
    kind = value if isinstance(value, type) else type(value)
    usable = callable(getattr(value, "build_request", None)) and callable(getattr(value, "send", None))
    if not usable or value is kind or kin(kind, "Client"):
        name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        what = f"the class {name}" if value is kind else name
        raise InvalidRequestError("http_client", f"must be an httpx.AsyncClient or httpx2.AsyncClient, not {what}")


def check_transport(value: object) -> None:
    """Refuse a `transport` that is not asynchronous."""
    if isinstance(value, type) or not callable(getattr(value, "handle_async_request", None)):
        kind = value if isinstance(value, type) else type(value)
        what = f"the class {kind.__name__}" if value is kind else kind.__name__
        raise InvalidRequestError("transport", f"must be an httpx.AsyncBaseTransport, not {what}")


def check_without_effect(owner: str, ssl_context: object, proxy: object, *, http2: object, **others: object) -> None:
    """Refuse settings that have no effect, because the application's own `http_client` or `transport` decides them."""
    for name, given in {"ssl_context": ssl_context, "proxy": proxy, "http2": http2 or None, **others}.items():
        if given is not None:
            that = owner.removeprefix("http_")
            raise InvalidRequestError(name, f"has no effect with your own {owner}; set it on that {that}")


EventHooks: TypeAlias = Mapping[str, Sequence[Callable[[Any], Awaitable[object]]]]
"""The event hooks of `httpx.AsyncClient`: lists of async functions under "request" and "response"."""


def checked_hooks(value: EventHooks | None) -> dict[str, list[Callable[..., Any]]] | None:
    if value is None:
        return None
    given: object = value
    if not isinstance(given, Mapping) or not set(given) <= {"request", "response"}:
        raise InvalidRequestError("event_hooks", "must be a dict with the keys 'request' and 'response', and no others")
    for name, hooks in given.items():
        if not isinstance(hooks, list | tuple) or not all(map(callable, hooks)):
            raise InvalidRequestError("event_hooks", f"must have a list of async functions under {name!r}")
    return {name: list(hooks) for name, hooks in value.items()}


def checked_hook(value: Callable[[E], object] | None, field: str) -> Callable[[E], object] | None:
    """A function that a client calls with its events; a coroutine function is refused, because it would never run."""
    given: object = value
    if given is None:
        return None
    if not callable(given):
        raise InvalidRequestError(field, f"must be a function of one event, not {type(given).__name__}")
    if any(map(_is_asynchronous, (given, getattr(given, "__call__", None)))):  # noqa: B004 - of a callable object
        raise InvalidRequestError(field, "must be a plain function, not an async one: a send does not wait for a hook")
    return value


def _is_asynchronous(function: object) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def checked_proxy(value: object) -> httpx.Proxy | None:
    """Check a proxy's URL. The error does not show the URL, because it can contain a password."""
    if value is None:
        return None
    import httpx  # imported here, because few clients have a proxy

    try:
        proxy = httpx.Proxy(value) if isinstance(value, str) else value
    except Exception:  # noqa: BLE001 - httpx raises InvalidURL, ValueError and others
        proxy = None
    if not isinstance(proxy, httpx.Proxy) or not proxy.url.host:
        raise InvalidRequestError("proxy", "must be a URL such as http://proxy.example.com:3128")
    if proxy.url.scheme.startswith("socks") and importlib.util.find_spec("socksio") is None:
        raise InvalidRequestError("proxy", 'a SOCKS proxy needs another package: pip install "httpx[socks]"')
    return proxy


def checked_http2(value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidRequestError("http2", "must be True or False")
    if value and importlib.util.find_spec("h2") is None:
        raise InvalidRequestError("http2", 'needs another package: pip install "eightbyeight-async[http2]"')
    return value


def checked_seconds(value: object, field: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        raise InvalidRequestError(field, "must be a number of seconds above 0")
    return float(value)


def checked_count(value: object, field: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidRequestError(field, "must be a whole number of at least 1")
    return value


def checked_rate(value: object, field: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        raise InvalidRequestError(field, "must be a number of requests a second above 0, or None for no pacing")
    return float(value)


def _found(value: str | None, name: str, environment: Mapping[str, str]) -> str:
    if value is not None:
        return value
    found = environment.get(PREFIX + name.upper())
    if not found:
        raise InvalidRequestError(name, f"is not set: pass it, or set {PREFIX}{name.upper()}")
    return found
