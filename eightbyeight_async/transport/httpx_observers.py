"""Checks whether a mock, a recorder or a tracer has replaced a function of httpx that a call goes through.

Tools that replace `socket.socket` are found, too: they only work with libraries that they know, such as httpx.

Rules:
- The functions are examined at each check, and not compared with saved originals: a tool may have replaced them before
  this package was imported. A function is httpx's own if it was defined in httpx's file and module, under its own name.
- A name that is missing, e.g. in another version of httpx, counts as replaced.
- Only the result for the same objects is cached. So a mock that begins or ends between two calls is noticed.
- Private functions are only examined, never called.

A check takes 1.5 to 2 us (Python 3.11, `timeit`), and a third of that if httpx is not imported.
"""

from __future__ import annotations

import builtins
import socket
import sys
from operator import attrgetter, is_
from types import BuiltinFunctionType, CodeType, FunctionType
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
    "send.__code__",  # some tracers replace the code of a function, but not the function object
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

_genuine: tuple[object, ...] = ()  # the objects that were last found to be the libraries' own


def somebody_watches() -> bool:
    """True if a function of httpx or httpcore that a call goes through, or `socket.socket`, is not the original."""
    try:
        found = _look()
        # Compared by identity: wrappers of wrapt compare as equal to the objects that they wrap.
        if found is _genuine or (len(found) == len(_genuine) and all(map(is_, found, _genuine))):
            return False
        return not _judge(found)
    except Exception:  # noqa: BLE001 - a name is missing, or a replaced object raises any exception
        return True


def _look() -> tuple[object, ...]:
    """The class of sockets, the modules httpx and httpcore or None, and the objects behind `_HTTPX` and `_HTTPCORE`.

    A tool that replaces a function has imported the function's library, or replaces the function when the library is
    imported.
    """
    httpx: Any = sys.modules.get("httpx")
    core = sys.modules.get("httpcore")
    if httpx is None and _import_is_watched():
        import httpx  # an import statement, because a tool may have replaced the function that it calls

        core = sys.modules.get("httpcore")
    if httpx is None and core is None and len(_genuine) == 3 and socket.socket is _genuine[0]:
        return _genuine  # nothing else can have changed
    found: tuple[object, ...] = (socket.socket, httpx, core)
    if httpx is not None:
        client, transport = httpx.AsyncClient, httpx.AsyncHTTPTransport
        found = (*found, client, *_of_client(client), transport, *_of_transport(transport))
    if core is None:  # httpx imports httpcore when it makes a transport; before that, httpcore is not replaced
        return found
    pool, proxy = core.AsyncConnectionPool, core.AsyncHTTPProxy
    connection, http11 = core.AsyncHTTPConnection, core.AsyncHTTP11Connection
    return (
        *found,
        pool,
        *_of_pool(pool),
        proxy,
        proxy.handle_async_request,
        connection,
        connection.handle_async_request,
        http11,
        *_of_http11(http11),
    )


def _import_is_watched() -> bool:
    """True if the import of a module can run code of a tool.

    Datadog and New Relic replace httpx's functions when httpx is imported, but this package does not import httpx for a
    send. So if this is True, httpx is imported now.
    """
    global _plain_finders  # noqa: PLW0603 - a cache
    if type(builtins.__import__) is not BuiltinFunctionType:
        return True
    if sys.meta_path == _plain_finders:
        return False
    homes = [str(getattr(finder, "__module__", "")) for finder in sys.meta_path]
    if all(home in _PLAIN_FINDERS or home.startswith("__editable__") for home in homes):
        _plain_finders = list(sys.meta_path)
        return False
    return True


# Import finders of Python, of setuptools, and of packages that are installed from a folder.
_PLAIN_FINDERS = ("_frozen_importlib", "_frozen_importlib_external", "_distutils_hack")
_plain_finders: list[object] = []  # the finders that were last found plain


def _judge(found: tuple[object, ...]) -> bool:
    """True if all the objects are the libraries' own. The result is cached for the same objects."""
    global _genuine  # noqa: PLW0603 - a cache
    sock, httpx, core, *functions = found
    names = (() if httpx is None else _HTTPX) + (() if core is None else _HTTPCORE)
    libraries = ["httpx"] * (len(names) - (0 if core is None else len(_HTTPCORE))) + ["httpcore"] * len(_HTTPCORE)
    if not _is_real_socket(sock) or not all(map(_is_own, names, functions, libraries)):
        return False
    _genuine = found
    return True


def is_replaced(name: str) -> bool:
    """True if a method of `httpx.AsyncClient` is not httpx's own, e.g. because a mock has replaced it."""
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
    """True for the library's own class. A subclass that replaces it is not defined in a module of the library."""
    modules = [module for key, module in list(sys.modules.items()) if key.startswith(f"{library}._")]
    return found.__name__ == name and any(vars(module).get(name) is found for module in modules)


def _is_real_socket(found: Any) -> bool:  # noqa: ANN401 - whatever stands there now
    return found.__module__ == "socket" and found.__init__.__globals__ is vars(socket)


def _is_file_of(library: str, code: CodeType) -> bool:
    return library in code.co_filename.replace("\\", "/").split("/")[:-1]
