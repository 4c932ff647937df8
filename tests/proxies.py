"""HTTP CONNECT proxies over http and https, and SOCKS5 proxies, with real sockets and plain threads."""

from __future__ import annotations

import contextlib
import ipaddress
import select
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Self

from patience import PATIENCE
from scripted import shared_context

if TYPE_CHECKING:
    from collections.abc import Iterable

    import trustme

__all__ = ["Proxy"]


class Proxy:
    """`with Proxy("http") as proxy`: connects to each requested target and forwards the bytes.

    Args:
        scheme: "http", "https" or "socks5".
        authority: issues the certificate of an https proxy.
        answer: the answer to CONNECT; any status except 200 ends the connection.
        password: the user name and password that SOCKS5 requires.

    Attributes:
        asked: the heads of CONNECT requests, or the hosts and ports of SOCKS5 requests.
    """

    def __init__(
        self,
        scheme: str,
        *,
        authority: trustme.CA | None = None,
        answer: bytes = b"HTTP/1.1 200 Connected\r\n\r\n",
        password: tuple[bytes, bytes] | None = None,
    ) -> None:
        self.asked: list[bytes] = []
        self._scheme = scheme
        self._answer = answer
        self._password = password
        self._context: ssl.SSLContext | None = None
        if scheme == "https":
            assert authority is not None
            self._context = shared_context(authority, "localhost")
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._servers: set[socket.socket] = set()
        self._moving = threading.Lock()  # held from reading a server's bytes until they are written to the client

    @property
    def url(self) -> str:
        user = "" if self._password is None else f"{self._password[0].decode()}:{self._password[1].decode()}@"
        return f"{self._scheme}://{user}localhost:{self._listener.getsockname()[1]}"

    def settled(self) -> bool:
        """True if all bytes from the servers have been forwarded."""
        with self._moving:
            return not _readable(self._servers, 0)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join(PATIENCE)
        with self._lock:
            for sock in self._open:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()
        for sock in self._open:
            sock.close()

    def _start(self, *target: object) -> threading.Thread:
        act, *args = target
        thread = threading.Thread(target=act, args=args, daemon=True)  # type: ignore[arg-type]
        with self._lock:
            self._threads.append(thread)
        thread.start()
        return thread

    def _keep(self, sock: socket.socket) -> socket.socket:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._open.add(sock)
        return sock

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._start(self._serve, self._keep(self._listener.accept()[0]))

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self._context is not None:
                client = self._keep(self._context.wrap_socket(client, server_side=True))
                client.settimeout(None)
            server = self._socks(client) if self._scheme == "socks5" else self._connect(client)
            if server is None:
                client.close()
                return
            with self._moving:
                self._servers.add(server)
            if self._context is None:
                other = self._start(self._pass_on, client, server, [server])
                self._pass_on(client, server, [client])
                other.join(PATIENCE)
            else:
                self._pass_on(client, server, [client, server])  # two threads must not use one SSLSocket
            with self._lock:
                self._open -= {client, server}
            client.close()
            server.close()

    def _pass_on(self, client: socket.socket, server: socket.socket, sources: list[socket.socket]) -> None:
        with contextlib.suppress(OSError):
            while True:
                pending = isinstance(client, ssl.SSLSocket) and client.pending()
                ready = [client] if pending else _readable(sources, None)
                if client in ready:
                    server.sendall(_some(client))
                if server in ready:
                    with self._moving:
                        client.sendall(_some(server))
        with self._moving:
            self._servers.discard(server)
        for sock in (client, server):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def _connect(self, client: socket.socket) -> socket.socket | None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += _some(client)
        self.asked.append(head)
        host, _, port = head.split()[1].rpartition(b":")
        server = None
        if self._answer.split()[1] == b"200":
            server = self._keep(socket.create_connection((host.decode(), int(port))))
        client.sendall(self._answer)
        return server

    def _socks(self, client: socket.socket) -> socket.socket | None:
        _, count = _exactly(client, 2)
        methods = _exactly(client, count)
        wanted = 0 if self._password is None else 2
        if wanted not in methods:
            client.sendall(b"\5\xff")
            return None
        client.sendall(bytes([5, wanted]))
        if self._password is not None:
            _exactly(client, 1)
            given = _exactly(client, _exactly(client, 1)[0]), _exactly(client, _exactly(client, 1)[0])
            client.sendall(b"\1\0" if given == self._password else b"\1\1")
            if given != self._password:
                return None
        _, command, _, kind = _exactly(client, 4)
        assert command == 1
        if kind == 3:
            host = _exactly(client, _exactly(client, 1)[0])
        else:
            host = str(ipaddress.ip_address(_exactly(client, {1: 4, 4: 16}[kind]))).encode()
        port = int.from_bytes(_exactly(client, 2), "big")
        self.asked.append(b"%s:%d" % (host, port))
        server = self._keep(socket.create_connection((host.decode(), port)))
        client.sendall(b"\5\0\0\1" + bytes(6))
        return server


def _readable(sockets: Iterable[socket.socket], milliseconds: int | None) -> list[socket.socket]:
    """Returns the sockets that have bytes to read. (select() supports only the first 1,024 descriptors.)"""
    by_number = {sock.fileno(): sock for sock in sockets}
    poll = select.poll()
    for number in by_number:
        poll.register(number, select.POLLIN)
    return [by_number[number] for number, _ in poll.poll(milliseconds)]


def _some(sock: socket.socket) -> bytes:
    data = sock.recv(65536)
    if not data:
        raise ConnectionError("the end")
    return data


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        if not piece:
            raise ConnectionError("the end")
        data += piece
    return data
