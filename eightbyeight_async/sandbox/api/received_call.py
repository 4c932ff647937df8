"""What an operation is given, and what it owes: an answer, produced by a commit that may not happen.

An operation validates at once and changes nothing. Whether its change is made is for the faults to say:
a call dropped before acceptance is validated, never committed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from eightbyeight_async.sandbox.api.operation_results import Download, JSONObject, Moved
from eightbyeight_async.sandbox.messages.delivery_status import Deliveries
from eightbyeight_async.sandbox.messages.message import Product, SandboxFeedback
from eightbyeight_async.sandbox.messages.message_store import Store

if TYPE_CHECKING:
    from eightbyeight_async.sandbox.export.jobs import Exports

Result = JSONObject | Download | Moved | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedCall:
    """`body` is the parsed JSON of a POST; `target` the id in the path; `rejects` judges a destination."""

    product: Product
    subaccount_id: str
    target: str
    body: Any
    now: datetime
    tls_version: str
    store: Store
    rejects: Callable[[str], bool]
    deliveries: Deliveries
    exports: "Exports"
    feedback: list[SandboxFeedback]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`commit` makes the change and returns what to answer with (None: nothing); faults are chosen by the rest."""

    commit: Callable[[], Result]
    status: int = 200
    destinations: Sequence[str] = ()
    cancels: str = ""
    looks_up: str = ""
    downloads: str = ""


class Operation(Protocol):
    def __call__(self, call: ReceivedCall, /) -> Step: ...
