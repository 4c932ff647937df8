"""The log line of a request that our own transports sent. It is httpx's line, so that a log shows every call alike."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eightbyeight_async.transport.plain_answer import Answer
    from eightbyeight_async.transport.request import Prepared

__all__ = ["log_request"]

_log = logging.getLogger("httpx")


def log_request(request: Prepared, answer: Answer) -> None:
    if _log.isEnabledFor(logging.INFO):
        line = f"{answer.version.decode('ascii', 'ignore')} {answer.status} {answer.reason.decode('ascii', 'ignore')}"
        _log.info('HTTP Request: %s %s "%s"', request.method, request.url, line)
