"""A server that sends the answers of a test, byte for byte, with real sockets, real TLS and plain threads.

It uses h11 only to find the end of a request. It does not know the API.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Self

import attrs
import h11
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterable

    import trustme


def server_context(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    return context


shared_context = cache(server_context)  # for servers that do not change the context: a certificate takes 2 ms


@attrs.frozen
class Received:
    """One request as the server received it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


def answer(status: int = 200, body: bytes | str = b"", headers: dict[str, str] | None = None) -> bytes:
    """Returns a complete answer with a content-length."""
    body = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


QUEUED = answer(
    200,
    '{"umid":"bda3d56d-1424-e711-813c-06ed3428fe67","destination":"6598765432","encoding":"GSM7",'
    '"status":{"code":"QUEUED","description":"SMS is accepted and queued for processing"}}',
    {"Content-Type": "application/json"},
)

Parts = tuple[bytes | threading.Event, ...]
"""Bytes that are each sent alone, and events that are waited for between them."""

Step = bytes | None | threading.Event | Parts | Callable[[Received], Parts]
"""What to do with a request: answer these bytes, or these parts; close without a word; wait for the event, then close;
or what a function of the request says."""


class ScriptedServer:
    """Answers request n with step n of the script. The last step answers all later requests.

    Args:
        greeting: bytes that it sends on every connection before it reads a request.
        corked: the parts of an answer come in one TCP segment.
        deaf: it reads only the first byte of a request, then sends the greeting.

    Attributes:
        received: the requests, in the order in which they were complete.
        connections: how many were accepted.
        peak: the largest number of requests without an answer at one time.
        sent: how many answers, or parts of answers, were sent.
    """

    def __init__(
        self,
        script: Iterable[Step],
        *,
        authority: trustme.CA | None,
        tls: Callable[[ssl.SSLContext], None] | None = None,
        gate: threading.Event | None = None,
        certificate_for: str = "localhost",
        close_after_answer: bool = False,
        greeting: bytes = b"",
        corked: bool = False,
        deaf: bool = False,
    ) -> None:
        self.received: list[Received] = []
        self.connections = 0
        self.peak = 0
        self.sent = 0
        self._script = deque(script)
        self._gate = gate
        self._close_after_answer = close_after_answer
        self._greeting = greeting
        self._corked = corked
        self._deaf = deaf
        self._unanswered = 0
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()
        self._context: ssl.SSLContext | None = None
        if authority is not None:
            if tls is None:
                self._context = shared_context(authority, certificate_for)
            else:
                self._context = server_context(authority, certificate_for)
                tls(self._context)

    @property
    def url(self) -> str:
        scheme = "http" if self._context is None else "https"
        return f"{scheme}://localhost:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        if self._gate is not None:
            self._gate.set()
        self._stop.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join(PATIENCE)  # after this thread has ended, no connection is accepted
        with self._lock:
            for connection in self._open:
                try:
                    # `shutdown` of the plain socket: the method of SSLSocket drops its TLS state, and a thread in
                    # recv() would get the client's close_notify undecrypted.
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)
                except OSError:
                    continue
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            # Otherwise an answer waits 40 ms for the client's ACK of the TLS tickets before it.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open.add(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        stream = connection
        try:
            if self._context is not None:
                # The handshake comes afterwards: a client that disappears during the handshake sends nothing, and
                # `__exit__` must find the socket that this thread waits for.
                with self._lock:
                    stream = self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
                    self._open.discard(connection)
                    self._open.add(stream)
                stream.do_handshake()
            if self._deaf:
                stream.recv(1)  # the request has begun; the server reads no more of it
            if self._greeting:
                stream.sendall(self._greeting)
                self.sent += 1
            if self._deaf:
                self._stop.wait(PATIENCE)
                return
            while (request := _read(stream)) is not None:
                if not self._respond(stream, request):
                    break
        except OSError:
            pass  # the client closed the connection, or refused the handshake; some tests want that
        finally:
            with self._lock:
                self._open.discard(stream)
                self._open.discard(connection)
            stream.close()

    def _respond(self, stream: socket.socket, request: Received) -> bool:
        with self._lock:
            self.received.append(request)
            self._unanswered += 1
            self.peak = max(self.peak, self._unanswered)
            step = self._script.popleft() if len(self._script) > 1 else self._script[0]
        if self._gate is not None:
            self._gate.wait(PATIENCE)
        with self._lock:
            self._unanswered -= 1
        if isinstance(step, threading.Event):
            step.wait(PATIENCE)
            return False
        if step is None:
            return False
        parts = step(request) if callable(step) else step
        if self._corked:
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        for part in parts if isinstance(parts, tuple) else (parts,):
            if isinstance(part, threading.Event):
                part.wait(PATIENCE)
            else:
                stream.sendall(part)
                self.sent += 1
        if self._corked:
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
        return not self._close_after_answer


def _read(stream: socket.socket) -> Received | None:
    parser = h11.Connection(h11.SERVER)
    head: h11.Request | None = None
    body = b""
    while True:
        event = parser.next_event()
        match event:
            case h11.NEED_DATA:
                data = stream.recv(65536)
                if not data and head is None:
                    return None
                parser.receive_data(data)
            case h11.Request():
                head = event
            case h11.Data():
                body += bytes(event.data)
            case h11.EndOfMessage():
                assert head is not None
                headers = {name.decode(): value.decode() for name, value in head.headers}
                return Received(head.method.decode(), head.target.decode(), headers, body)
            case _:
                return None
