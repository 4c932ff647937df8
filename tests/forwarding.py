"""A network that comes back: nobody listens on a port until `forwarded` forwards it to a sandbox."""

from __future__ import annotations

import socket
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["closed_port", "forwarded"]


def closed_port() -> int:
    """Returns a port on which nobody listens.

    On Linux, the port is kept until this process ends: no other process gets it by chance, connections to it are
    refused, and a listener of the test may bind it because both set SO_REUSEADDR.
    """
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(("127.0.0.1", 0))
    port: int = one.getsockname()[1]
    if sys.platform == "linux":
        one.detach()
    else:
        one.close()
    return port


@contextmanager
def forwarded(port: int, target: str) -> Iterator[None]:
    """Forwards the port to the sandbox."""

    def copy(one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve(near: socket.socket) -> None:
        with near, socket.create_connection(("localhost", urlsplit(target).port or 0)) as far:
            back = threading.Thread(target=copy, args=(far, near))
            back.start()
            copy(near, far)
            back.join()

    def accept() -> None:
        with suppress(OSError):
            while True:
                thread = threading.Thread(target=serve, args=(server.accept()[0],))
                threads.append(thread)
                thread.start()

    threads: list[threading.Thread] = []
    server = socket.create_server(("127.0.0.1", port))
    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        accepting.join()
        for thread in threads:
            thread.join()
