"""Whether somebody watches httpx: a mock, a recorder or a tracer has replaced a function that a call passes through.

Rules:
- The functions are judged as they are now, not compared with originals: a tool may have replaced them before this
  package was imported. One is httpx's own if it was defined in a file and in the module of httpx, under its own name.
- A name that is missing, e.g. in another version of httpx, counts as replaced.
- Nothing is remembered but the judgement of the same objects: a mock that begins or ends between two calls is seen.
- Private names are only looked at, never called.

A look takes 2 us (Python 3.11, `timeit`).
"""

from __future__ import annotations

import sys
from operator import attrgetter, is_
from types import CodeType, FunctionType
from typing import Any

import httpx

__all__ = ["is_replaced", "somebody_watches"]

_HTTPX = (
    "AsyncClient",
    "AsyncClient.__init__",
    "AsyncClient.build_request",
    "AsyncClient.request",
    "AsyncClient.get",
    "AsyncClient.post",
    "AsyncClient.delete",
    "AsyncClient.send",
    "AsyncClient.send.__code__",  # some tracers replace the code of a function, and leave the function
    "AsyncClient._send_handling_auth",
    "AsyncClient._send_handling_redirects",
    "AsyncClient._send_single_request",
    "AsyncClient._transport_for_url",
    "AsyncHTTPTransport",
    "AsyncHTTPTransport.__init__",
    "AsyncHTTPTransport.handle_async_request",
    "AsyncHTTPTransport.handle_async_request.__code__",
)
_HTTPCORE = (
    "AsyncConnectionPool",
    "AsyncConnectionPool.__init__",
    "AsyncConnectionPool.handle_async_request",
    "AsyncConnectionPool.handle_async_request.__code__",
    "AsyncHTTPProxy",
    "AsyncHTTPProxy.handle_async_request",
    "AsyncHTTPConnection",
    "AsyncHTTPConnection.handle_async_request",
    "AsyncHTTP11Connection",
    "AsyncHTTP11Connection.handle_async_request",
    "AsyncHTTP11Connection._send_request_headers",
    "AsyncHTTP11Connection._send_request_body",
)

_INHERITED = {
    "AsyncClient.build_request": "BaseClient.build_request",
    "AsyncHTTPProxy.handle_async_request": "AsyncConnectionPool.handle_async_request",
}

_in_httpx = attrgetter(*_HTTPX)
_in_httpcore = attrgetter(*_HTTPCORE)

# By library: the objects that were last judged to be its own. At first, what nothing is.
_genuine: dict[str, tuple[object, ...]] = {"httpx": (object(),), "httpcore": (object(),)}


def somebody_watches() -> bool:
    """True if a function of httpx or httpcore that a call passes through is not the library's own."""
    httpcore = sys.modules.get("httpcore")  # httpx imports it when it makes a transport; until then it is untouched
    try:
        return not _all_own(_in_httpx(httpx), _HTTPX, "httpx") or (
            httpcore is not None and not _all_own(_in_httpcore(httpcore), _HTTPCORE, "httpcore")
        )
    except Exception:  # noqa: BLE001 - a name is missing, or what stands there raises whatever it likes
        return True


def is_replaced(name: str) -> bool:
    """True if a method of `httpx.AsyncClient` is not httpx's own, e.g. because a mock stands there."""
    return not _is_own(f"AsyncClient.{name}", getattr(httpx.AsyncClient, name, None), "httpx")


def _all_own(found: tuple[object, ...], names: tuple[str, ...], library: str) -> bool:
    # By identity: the wrappers of wrapt say that they are equal to what they wrap.
    if all(map(is_, found, _genuine[library])):
        return True
    if not all(_is_own(name, one, library) for name, one in zip(names, found, strict=True)):
        return False
    _genuine[library] = found
    return True


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


def _is_file_of(library: str, code: CodeType) -> bool:
    return library in code.co_filename.replace("\\", "/").split("/")[:-1]
