"""The benchmark server with the batch endpoint: every message of a batch gets QUEUED and its own reference.

Otherwise it works like `benchmarks.server`. The response is made from the request, which takes about 2 microseconds a
message with orjson. The results show how busy the server was.
"""

from __future__ import annotations

import importlib
import json
from typing import Any

from benchmarks import server

_UMID = "9e1e3f5c-7d44-4a3a-9d5f-2b4f3c1a0e77"
_QUEUED = {"code": "QUEUED", "description": "SMS is accepted and queued for processing"}


def _json() -> Any:  # noqa: ANN401 - a module
    try:
        return importlib.import_module("orjson")
    except ImportError:
        return json


_codec = _json()


def _answer(body: bytes) -> bytes:
    asked = _codec.loads(body)["messages"]
    messages = [
        {
            "umid": _UMID,
            "clientMessageId": one["clientMessageId"],
            "destination": one["destination"],
            "encoding": "GSM7",
            "status": _QUEUED,
        }
        for one in asked
    ]
    answer = {"batchId": _UMID, "acceptedCount": len(asked), "rejectedCount": 0, "messages": messages}
    encoded = _codec.dumps(answer)
    return encoded if isinstance(encoded, bytes) else encoded.encode()


class BatchConnection(server.Connection):
    def on_message_complete(self) -> None:
        if not self._url.endswith(b"/messages/batch"):
            super().on_message_complete()
            return
        self._url = b""
        body = b"".join(self._body)
        self._body.clear()
        self._count(body)
        self._transport.write(server._response(_answer(body)))  # noqa: SLF001 - the same server


if __name__ == "__main__":
    server.Connection = BatchConnection  # type: ignore[misc]
    server.main()
