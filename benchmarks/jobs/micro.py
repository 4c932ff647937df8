"""The job `micro`: microseconds for each pure step of one message, i.e. model, JSON, reading the response.

`timeit` repeats each step. The figure is the lowest repeat, because noise only adds time. A step whose function no
longer exists is left out without an error, because these names are internal to the package.
"""

from __future__ import annotations

import importlib
import json
import timeit
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from benchmarks.messages import ANSWER, SOURCE, SUBACCOUNT, TEXT, destination, message_id, payload
from eightbyeight_async import SmsRequest, SmsResponse, wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def _request() -> SmsRequest:
    return SmsRequest(destination=destination(1), source=SOURCE, text=TEXT, client_message_id=message_id(1))


def _found(module: str, name: str) -> Callable[..., object]:
    try:
        found: Callable[..., object] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        return _gone
    return found


def _gone(*_: object) -> object:
    raise AttributeError("the package has it no more")


def _steps() -> Iterator[tuple[str, Callable[[], object]]]:
    """The steps with their names. A step raises AttributeError if the package no longer has its function."""
    request, plain, answer = _request(), payload(1), json.loads(ANSWER)
    prepare = _found("eightbyeight_async.calls.sms", "send_sms")
    moment = datetime.now(UTC)
    yield "construct SmsRequest (validated)", _request
    yield "unstructure SmsRequest", lambda: wire.unstructure(request)
    yield "SmsRequest to JSON bytes", lambda: wire.dump(request)
    yield "  json.dumps of the same dict", lambda: json.dumps(plain).encode()
    yield "SmsRequest to a prepared call", lambda: prepare(SUBACCOUNT, request, lambda: moment)
    yield "JSON bytes to dict", lambda: wire.load(ANSWER)
    yield "  json.loads of the same bytes", lambda: json.loads(ANSWER)
    yield "structure SmsResponse", lambda: wire.structure(answer, SmsResponse)
    yield "JSON bytes to SmsResponse", lambda: wire.structure(wire.load(ANSWER), SmsResponse)


def run(contender: str, seconds: float) -> dict[str, Any]:
    found: dict[str, float] = {}
    for name, step in _steps():
        try:
            step()
        except (AttributeError, TypeError):
            continue
        timer = timeit.Timer(step)
        number, took = timer.autorange()
        repeats = max(3, int(seconds / took))
        found[name] = min(took, *timer.repeat(repeats, number)) / number * 1e6
    return found
