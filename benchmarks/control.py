"""Reads and clears the server's counters, over a blocking connection, while nothing is measured."""

from __future__ import annotations

import http.client
import json
import ssl
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Control"]


class Control:
    def __init__(self, url: str, ca_file: str) -> None:
        parts = urlsplit(url)
        context = ssl.create_default_context(cafile=ca_file)
        self._connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, context=context)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def reset(self, latency: float = 0.0) -> dict[str, float]:
        return self._ask("PUT", f"/control/reset?latency={latency}")

    def stats(self) -> dict[str, float]:
        return self._ask("GET", "/control/stats")

    def _ask(self, method: str, path: str) -> dict[str, float]:
        self._connection.request(method, path)
        answer: dict[str, float] = json.loads(self._connection.getresponse().read())
        return answer
