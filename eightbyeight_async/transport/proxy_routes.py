"""Chooses the proxy for a request, from the argument or from the environment (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`).

Plain http never goes through a proxy. The client allows it for loopback addresses only.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from eightbyeight_async.errors import InvalidRequestError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    import httpx

    from eightbyeight_async.transport.request import Origin

__all__ = ["proxy_for", "proxy_routes"]


def proxy_routes(ssl_context: ssl.SSLContext, proxy: httpx.Proxy | None) -> dict[str, httpx.Proxy | None]:
    """httpx's patterns of URLs and the proxy of each, None for no proxy. Empty if no URL has a proxy.

    Args:
        ssl_context: the TLS context for a trial with httpx, which reads NO_PROXY.
        proxy: a proxy for all https requests; None for the proxies of the environment.
    """
    if proxy is not None:
        return {"https://": proxy, "http://": None}
    found = _environment_proxy(ssl_context)
    if found is None:
        return {}
    pattern, through = found
    return {pattern: through, **dict.fromkeys(_without_proxy()), "http://": None}


def proxy_for(routes: Mapping[str, httpx.Proxy | None]) -> Callable[[Origin], httpx.Proxy | None]:
    """A function that returns the proxy of an origin, chosen as httpx chooses among its mounts."""
    return partial(_chosen, routes)


def _chosen(routes: Mapping[str, httpx.Proxy | None], origin: Origin) -> httpx.Proxy | None:
    # The most specific pattern decides: first a pattern with a port, then the longest host, then a scheme.
    patterns = sorted(map(_Pattern, routes), key=lambda one: one.rank)
    for pattern in patterns:
        if pattern.matches(origin):
            return routes[pattern.text]
    return None


class _Pattern:
    """One of httpx's patterns, e.g. `https://` or `all://*example.com:8443`."""

    def __init__(self, text: str) -> None:
        import httpx

        url = httpx.URL(text)
        self.text = text
        self._scheme = "" if url.scheme == "all" else url.scheme
        self._host = "" if url.host == "*" else url.host
        self._port = url.port
        self.rank = (0 if self._port is not None else 1, -len(self._host), -len(self._scheme))

    def matches(self, origin: Origin) -> bool:
        if self._scheme not in ("", origin.scheme) or self._port not in (None, origin.port):
            return False
        if self._host.startswith("*."):
            return origin.host.endswith(self._host[1:]) and origin.host != self._host[1:]
        if self._host.startswith("*"):
            name = self._host[1:]
            return origin.host == name or origin.host.endswith(f".{name}")
        return self._host in ("", origin.host)


def _environment_proxy(ssl_context: ssl.SSLContext) -> tuple[str, httpx.Proxy] | None:
    """The proxy of https requests in the environment and httpx's mount pattern for it; None without proxy.

    Raises:
        InvalidRequestError: an environment variable cannot be read. The error names the variable, but not its value: a
            proxy's URL can contain a password.
    """
    proxies = _environment()
    for scheme in ("https", "all"):
        url = proxies.get(scheme)
        if url:
            found = f"{scheme}://", _proxy(url if "://" in url else f"http://{url}", f"{scheme.upper()}_PROXY")
            break
    else:
        found = None
    if proxies.get("no"):
        _check_no_proxy(ssl_context)
    return None if "*" in [host.strip() for host in proxies.get("no", "").split(",")] else found


def _environment() -> dict[str, str]:
    """Returns the result of `urllib.request.getproxies`, which httpx uses, too.

    On Windows and macOS, `getproxies` also asks the system. Elsewhere it only reads environment variables. If none is
    about a proxy, it is not imported: the import with its dependencies takes a tenth of the time of `import httpx`.
    """
    asks_system = sys.platform in ("win32", "darwin")
    if not asks_system and not any(name.lower().endswith("_proxy") for name in os.environ):
        return {}
    from urllib.request import getproxies

    return getproxies()


def _proxy(url: str, variable: str) -> httpx.Proxy:
    import httpx

    try:
        proxy = httpx.Proxy(url)
    except (ValueError, httpx.InvalidURL) as error:
        reason = "must be a URL such as http://proxy.example.com:3128; correct this environment variable or unset it"
        raise InvalidRequestError(variable, reason) from error
    if proxy.url.scheme.startswith("socks") and importlib.util.find_spec("socksio") is None:
        raise InvalidRequestError(variable, 'a SOCKS proxy needs another package: pip install "httpx[socks]"')
    if not proxy.url.host:
        raise InvalidRequestError(variable, "names no host; correct this environment variable or unset it")
    return proxy


def _without_proxy() -> list[str]:
    """Returns httpx's patterns for the hosts in NO_PROXY, as httpx makes them when it reads the environment itself."""
    patterns = []
    for entry in _environment().get("no", "").split(","):
        host = entry.strip()
        if "://" in host:
            patterns.append(host)
        elif host:
            patterns.append(f"all://{_host_pattern(host)}")
    return patterns


def _host_pattern(host: str) -> str:
    try:
        address = ipaddress.ip_address(host.split("/", maxsplit=1)[0])
    except ValueError:
        return host if host.lower() == "localhost" else f"*{host}"
    return f"[{host}]" if address.version == 6 else host


def _check_no_proxy(ssl_context: ssl.SSLContext) -> None:
    """Let httpx read NO_PROXY now. Otherwise a wrong value would make the first download or the first request fail."""
    import httpx

    try:
        httpx.AsyncClient(verify=ssl_context)
    except (httpx.InvalidURL, ValueError) as error:
        raise InvalidRequestError(
            "NO_PROXY",
            "has an entry that httpx cannot read, e.g. an IPv6 network, or an address in brackets; remove it",
        ) from error
