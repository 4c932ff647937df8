"""The input and output of an operation: a received call in, a step with a `commit` out.

Rule: an operation checks the call and changes nothing. `Step.commit` makes the change. The request pipeline calls it
afterwards, except with a fault such as `drop_before_accept`: then nothing is committed.
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
    from eightbyeight_async.sandbox.control.account import Account
    from eightbyeight_async.sandbox.export.jobs import Exports

Result = JSONObject | Download | Moved | None


# Not frozen, because nothing keeps them after the response. Every request makes both; a frozen class takes three times
# as long.
@dataclass(slots=True, kw_only=True)
class ReceivedCall:
    """One valid call of an operation, and the sandbox's state that it may use.

    - `target`: the id in the path, or "".
    - `query`: the query string, unchanged.
    - `body`: the parsed JSON of a POST, else None.
    - `now`: the sandbox's time (aware).
    - `tls_version`: e.g. "TLSv1.3", or "" if the connection is already closed.
    - `rejects`: returns whether messages to a destination get the status REJECTED.
    """

    product: Product
    subaccount_id: str
    target: str
    query: str
    body: Any
    now: datetime
    tls_version: str
    store: Store
    rejects: Callable[[str], bool]
    deliveries: Deliveries
    exports: "Exports"
    feedback: list[SandboxFeedback]
    account: "Account"


@dataclass(slots=True, kw_only=True)
class Step:
    """The rest of an operation after it has checked its call.

    - `commit`: makes the change and returns the result; None is an empty response.
    - `status`: the HTTP status of the response.
    - `destinations`, `cancels`, `looks_up`, `downloads`: numbers and ids that this call is about. A fault queued for
      one of them applies to the call.
    """

    commit: Callable[[], Result]
    status: int = 200
    destinations: Sequence[str] = ()
    cancels: str = ""
    looks_up: str = ""
    downloads: str = ""


class Operation(Protocol):
    def __call__(self, call: ReceivedCall, /) -> Step: ...
