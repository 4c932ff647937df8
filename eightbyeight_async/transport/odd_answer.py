"""Reads an answer whose head llhttp refuses or misreads, with h11, the parser of httpx.

Such heads are rare, and legal or almost legal: a 1xx with framing headers, folded headers, lines that end in LF alone,
the same Content-Length twice. h11 is slow, but it reads only this one answer: the connection is closed after it. It is
imported with the first such answer.
"""

from __future__ import annotations

from eightbyeight_async.transport.wire_errors import RemoteProtocolError

__all__ = ["OddAnswer"]


class OddAnswer:
    """Pass all bytes of the answer to `feed`, beginning with the first one. Read the attributes after `feed` has
    returned.

    Args:
        max_head: the most bytes of a head.

    Attributes:
        status, reason, version, headers: those of the final answer; status 0: its head is not complete yet.
        body: the parts of the body since the last `feed`.
        complete: whether the whole answer has been read.
    """

    def __init__(self, *, max_head: int) -> None:
        import h11

        self._h11 = h11
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=max_head)
        # h11 reads an answer only after a request.
        self._connection.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
        self._connection.send(h11.EndOfMessage())
        self.status: int = 0
        self.reason: bytes = b""
        self.version: bytes = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.body: list[bytes] = []
        self.complete: bool = False

    def feed(self, data: bytes) -> None:
        """Reads the next bytes; empty bytes are the end of the connection.

        Raises:
            RemoteProtocolError: the bytes are not an HTTP answer, or it ends early.
        """
        self.body = []
        h11 = self._h11
        try:
            self._connection.receive_data(data)
            while not self.complete:
                event = self._connection.next_event()
                if event is h11.NEED_DATA:
                    return
                self._take(event)
        except h11.RemoteProtocolError:
            # Without h11's own text, which can quote the answer.
            raise RemoteProtocolError("the server's answer is not HTTP, or ends early") from None

    def _take(self, event: object) -> None:
        h11 = self._h11
        if isinstance(event, h11.Response):
            self.status = event.status_code
            self.reason = bytes(event.reason)
            self.version = b"HTTP/" + bytes(event.http_version)
            self.headers = [(bytes(name), bytes(value)) for name, value in event.headers.raw_items()]
        elif isinstance(event, h11.Data):
            self.body.append(bytes(event.data))
        elif isinstance(event, h11.EndOfMessage):
            self.complete = True
        elif not isinstance(event, h11.InformationalResponse):
            raise RemoteProtocolError("the server disconnected in its answer")
        elif event.status_code == 101:  # Switching Protocols
            raise RemoteProtocolError("the server switched protocols unasked")
