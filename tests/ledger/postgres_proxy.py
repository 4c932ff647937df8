"""A proxy between a ledger and PostgreSQL. It cuts connections around a COMMIT, or pools them like PgBouncer."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit

__all__ = ["PostgresProxy"]

_WITHOUT_TLS = (80877103, 80877104)  # SSLRequest, GSSENCRequest


class PostgresProxy:
    """A proxy on loopback, with a thread for each connection.

    Args:
        url: URL of the server behind it.
        pooled: each transaction of a client gets another server connection, as with PgBouncer in transaction mode.

    Attributes:
        url: URL of the proxy.
        cut_after_commit: so many of the next COMMITs reach the server, but their answers do not reach the client.
        cut_before_commit: so many of the next COMMITs do not reach the server.
        down: new connections are refused, and open connections are cut.
    """

    def __init__(self, url: str, *, pooled: bool = False) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        self._server = parts.hostname, parts.port
        self._pooled = pooled
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = parts._replace(netloc=f"postgres@127.0.0.1:{self._listener.getsockname()[1]}").geturl()
        self.cut_after_commit = self.cut_before_commit = 0
        self.cuts = 0
        self.down = False
        self.down_after_cut = False
        self._open: set[socket.socket] = set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # A thread that waits in accept() keeps a closed listener alive, so the listener is shut down first.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut_all()

    def cut_all(self) -> None:
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        servers: list[socket.socket] = []
        self._open.add(client)
        with client, suppress(OSError, EOFError):
            if self.down:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            startup = self._startup(client)
            servers = [socket.create_connection(self._server) for _ in range(2 if self._pooled else 1)]
            self._open.update(servers)
            for number, server in enumerate(servers):
                server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                server.sendall(startup)
                _answer(server, None if number else client)
            turn = 0
            while request := client.recv(1 << 20):
                while not _whole(request):
                    request += client.recv(1 << 20)
                server = servers[turn % len(servers)]
                if b"COMMIT\0" in request and self.cut_before_commit:
                    self.cut_before_commit -= 1
                    self.cuts += 1
                    break
                server.sendall(request)
                if b"COMMIT\0" in request and self.cut_after_commit:
                    self.cut_after_commit -= 1
                    _answer(server, None)
                    self.down = self.down or self.down_after_cut
                    self.cuts += 1
                    break
                if request[:1] == b"X":
                    break
                if _answer(server, client) == b"I":
                    turn += 1
        for server in servers:
            server.close()
        self._open -= {client, *servers}

    def _startup(self, client: socket.socket) -> bytes:
        while True:
            (length,) = struct.unpack("!I", _exactly(client, 4))
            rest = _exactly(client, length - 4)
            if struct.unpack("!I", rest[:4])[0] not in _WITHOUT_TLS:
                return struct.pack("!I", length) + rest
            client.sendall(b"N")


def _whole(request: bytes) -> bool:
    """Returns whether the bytes end at the end of a message."""
    at = 0
    while at + 5 <= len(request):
        at += 1 + struct.unpack("!I", request[at + 1 : at + 5])[0]
    return at == len(request)


def _answer(server: socket.socket, client: socket.socket | None) -> bytes:
    """Forwards all messages of an answer. Returns the status in its ReadyForQuery."""
    while True:
        head = _exactly(server, 5)
        body = _exactly(server, struct.unpack("!I", head[1:])[0] - 4)
        if client is not None:
            client.sendall(head + body)
        if head[:1] == b"Z":
            return body


def _exactly(one: socket.socket, length: int) -> bytes:
    found = b""
    while len(found) < length:
        part = one.recv(length - len(found))
        if not part:
            raise EOFError
        found += part
    return found
