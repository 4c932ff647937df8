"""What an operation is given, and what it owes: a body to answer with, produced by a commit that may not happen.

An operation validates at once and changes nothing. Whether its change is made is for the faults to say:
a call dropped before acceptance is validated, never committed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from eightbyeight_async.sandbox.answers import JSONObject
from eightbyeight_async.sandbox.message import Product
from eightbyeight_async.sandbox.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """`body` is the parsed JSON of a POST; `target` the id of a cancel; `rejects` judges a destination."""

    product: Product
    subaccount_id: str
    target: str
    body: Any
    now: datetime
    tls_version: str
    store: Store
    rejects: Callable[[str], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`commit` makes the change and returns the answer's body; the rest is what faults are chosen by."""

    commit: Callable[[], JSONObject]
    destinations: Sequence[str] = ()
    target: str = ""


class Operation(Protocol):
    def __call__(self, call: Call, /) -> Step: ...
