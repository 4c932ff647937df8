"""Checks how pyright and mypy narrow a result. Type checkers read this file; it never runs."""

from __future__ import annotations

from eightbyeight_async import BatchSmsAccepted, BatchSmsResult, SendAccepted, SendResult


def by_identity(result: SendResult, item: BatchSmsResult) -> list[str]:
    found = []
    if result.ok is True:
        found.append(result.response.umid)
    if item.ok is True:
        found.append(item.response.umid)
    return found


def by_class(result: SendResult, item: BatchSmsResult) -> list[str]:
    found = []
    if isinstance(result, SendAccepted):
        found.append(result.response.umid)
    if isinstance(item, BatchSmsAccepted):
        found.append(item.response.umid)
    return found


def by_pattern(result: SendResult) -> str:
    match result:
        case SendAccepted(response=response):
            return response.umid
        case _ if result.error is not None:
            return str(result.error)
        case _:
            return "refused"
