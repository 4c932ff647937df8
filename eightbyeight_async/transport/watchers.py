"""Whether somebody watches httpx: a mock, a recorder or a tracer has replaced a function that a call passes through.

Tools that replace `socket.socket` are found, too: they expect a library that they know, such as httpx, above it.

Rules:
- The functions are judged as they are now, not compared with originals: a tool may have replaced them before this
  package was imported. One is httpx's own if it was defined in a file and in the module of httpx, under its own name.
- A name that is missing, e.g. in another version of httpx, counts as replaced.
- Nothing is remembered but the judgement of the same objects: a mock that begins or ends between two calls is seen.
- Private names are only looked at, never called.

A look takes 1.5 to 2 us (Python 3.11, `timeit`).
"""

from __future__ import annotations

import socket
import sys
from operator import attrgetter, is_
from types import CodeType, FunctionType
from typing import Any

__all__ = ["is_replaced", "somebody_watches"]

_IN_CLIENT = (
    "__init__",
    "build_request",
    "request",
    "get",
    "post",
    "delete",
    "send",
    "send.__code__",  # some tracers replace the code of a function, and leave the function
    "_send_handling_auth",
    "_send_handling_redirects",
    "_send_single_request",
    "_transport_for_url",
)
_IN_TRANSPORT = ("__init__", "handle_async_request", "handle_async_request.__code__")
_IN_POOL = ("__init__", "handle_async_request")
_IN_HTTP11 = ("handle_async_request", "_send_request_headers", "_send_request_body")

_of_client, _of_transport = attrgetter(*_IN_CLIENT), attrgetter(*_IN_TRANSPORT)
_of_pool, _of_http11 = attrgetter(*_IN_POOL), attrgetter(*_IN_HTTP11)

_INHERITED = {
    "AsyncClient.build_request": "BaseClient.build_request",
    "AsyncHTTPProxy.handle_async_request": "AsyncConnectionPool.handle_async_request",
}


def _names(kind: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return kind, *(f"{kind}.{name}" for name in names)


_HTTPX = _names("AsyncClient", _IN_CLIENT) + _names("AsyncHTTPTransport", _IN_TRANSPORT)
_HTTPCORE = (
    _names("AsyncConnectionPool", _IN_POOL)
    + _names("AsyncHTTPProxy", ("handle_async_request",))
    + _names("AsyncHTTPConnection", ("handle_async_request",))
    + _names("AsyncHTTP11Connection", _IN_HTTP11)
)

_genuine: tuple[object, ...] = ()  # the objects that were last judged to be the libraries' own


def somebody_watches() -> bool:
    """True if a function of httpx or httpcore that a call passes through is not the library's own."""
    try:
        found = _look()
        # By identity: the wrappers of wrapt say that they are equal to what they wrap.
        if len(found) == len(_genuine) and all(map(is_, found, _genuine)):
            return False
        return not _judge(found)
    except Exception:  # noqa: BLE001 - a name is missing, or what stands there raises whatever it likes
        return True


def _look() -> tuple[object, ...]:
    """The class of sockets, the objects behind `_HTTPX`, and those behind `_HTTPCORE`, if those were imported.

    Whoever replaces a function has imported its library.
    """
    httpx = sys.modules.get("httpx")
    if httpx is None:
        return (socket.socket,)
    client, transport = httpx.AsyncClient, httpx.AsyncHTTPTransport
    core = sys.modules.get("httpcore")  # httpx imports it when it makes a transport; until then it is untouched
    if core is None:
        return socket.socket, client, *_of_client(client), transport, *_of_transport(transport)
    pool, proxy = core.AsyncConnectionPool, core.AsyncHTTPProxy
    connection, http11 = core.AsyncHTTPConnection, core.AsyncHTTP11Connection
    return (
        socket.socket,
        client,
        *_of_client(client),
        transport,
        *_of_transport(transport),
        pool,
        *_of_pool(pool),
        proxy,
        proxy.handle_async_request,
        connection,
        connection.handle_async_request,
        http11,
        *_of_http11(http11),
    )


def _judge(found: tuple[object, ...]) -> bool:
    """True if all that was found is the libraries' own; this is remembered for the same objects."""
    global _genuine  # noqa: PLW0603 - a cache
    libraries = ["httpx"] * len(_HTTPX) + ["httpcore"] * len(_HTTPCORE)
    if not _is_real_socket(found[0]) or not all(map(_is_own, _HTTPX + _HTTPCORE, found[1:], libraries)):
        return False
    _genuine = found
    return True


def is_replaced(name: str) -> bool:
    """True if a method of `httpx.AsyncClient` is not httpx's own, e.g. because a mock stands there."""
    import httpx

    return not _is_own(f"AsyncClient.{name}", getattr(httpx.AsyncClient, name, None), "httpx")


def _is_own(name: str, found: Any, library: str) -> bool:  # noqa: ANN401 - whatever stands there now
    kind = type(found)
    if kind is type:
        return _is_class_of(library, name, found)
    if kind is CodeType:
        return _is_file_of(library, found)
    if kind is not FunctionType or hasattr(found, "__wrapped__"):
        return False
    # `functools.wraps` copies `__module__` and `__qualname__`, but not the globals.
    module = sys.modules.get(found.__module__)
    return (
        found.__module__.partition(".")[0] == library
        and module is not None
        and found.__globals__ is vars(module)
        and found.__qualname__ == _INHERITED.get(name, name)
        and _is_file_of(library, found.__code__)
    )


def _is_class_of(library: str, name: str, found: type) -> bool:
    """True for the class that the library itself uses: a subclass in its place is in no module of the library."""
    modules = [module for key, module in list(sys.modules.items()) if key.startswith(f"{library}._")]
    return found.__name__ == name and any(vars(module).get(name) is found for module in modules)


def _is_real_socket(found: Any) -> bool:  # noqa: ANN401 - whatever stands there now
    return found.__module__ == "socket" and found.__init__.__globals__ is vars(socket)


def _is_file_of(library: str, code: CodeType) -> bool:
    return library in code.co_filename.replace("\\", "/").split("/")[:-1]
