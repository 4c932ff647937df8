"""The interface of a store, which keeps the claims and outcomes of a campaign. Each method answers one question.

`journal.Journal` (SQLite) implements it. Another store implements the same methods and passes the same tests
(`tests/bulk/test_store_conformance.py`). Only the writer's thread calls them, most of them within `transact`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eightbyeight_async.bulk.errors import JournalError
    from eightbyeight_async.bulk.judging.deliveries import Deliveries, Delivery
    from eightbyeight_async.bulk.judging.log_verdict import Doubt, Evidence, LogRow, Settlement, Window
    from eightbyeight_async.bulk.judging.outcomes import State
    from eightbyeight_async.bulk.report import Status
    from eightbyeight_async.bulk.store.records import (
        Cancellation,
        CancelTarget,
        Claim,
        Claimed,
        MessageRow,
        Met,
        Result,
    )

__all__ = ["CancelMark", "DeliveryStore", "OpenDeliveries", "Store"]

T = TypeVar("T")


class OpenDeliveries(NamedTuple):
    """The accepted messages whose delivery is not known yet.

    Attributes:
        number: how many.
        first, last: their earliest and latest claim, seconds since 1970.
    """

    number: int
    first: float = 0.0
    last: float = 0.0


class CancelMark:
    """Values of a message's cancellation. None: never requested."""

    REQUESTED = 1
    CANCELLED = 2
    TOO_LATE = 3
    UNCLEAR = 4


class DeliveryStore(Protocol):
    """The part of a store that knows the deliveries."""

    def open_deliveries(self, after: float, now: float) -> OpenDeliveries:
        """Counts the accepted messages of this account without a final delivery. They are due at `now`, and were
        claimed after `after`.
        """
        ...

    def note_deliveries(self, news: Sequence[tuple[int, str, Delivery]]) -> int:
        """Adds news (hash and key of the message, delivery) to what is known. Returns how many messages got news."""
        ...

    def keys_of_umids(self, umids: Sequence[str]) -> dict[str, tuple[int, str]]:
        """Hash and key of accepted messages, by umid."""
        ...

    def deliveries(self) -> Deliveries:
        """What became of the accepted messages."""
        ...


class Store(DeliveryStore, Protocol):
    """Keeps the claims and outcomes of one campaign.

    Attributes:
        salt: secret of this campaign's digests.
        lease: seconds for which a claim is valid; None: until the process ends.
        last_id: number of the last claim. The next claims get the numbers above it, and each number is used only once.
    """

    salt: bytes
    last_id: int

    @property
    def lease(self) -> float | None: ...

    def transact(self, body: Callable[[], T]) -> T:
        """Runs `body` in one transaction and returns after its commit. May run `body` again after a conflict.

        Raises:
            JournalError: nothing was written.
        """
        ...

    def now(self) -> float:
        """Returns the time of the clock that dates the claims, in seconds since 1970."""
        ...

    def failure(self, error: Exception) -> JournalError:
        """Turns an exception of this store into an error of one line: what is wrong, and what the user can do."""
        ...

    def close(self) -> None:
        """Closes the store cleanly."""
        ...

    # A run

    def begin_run(self, part_of: int | None = None) -> bool:
        """Begins a run: `known` now returns what earlier runs settled. Returns True if no message was ever claimed.

        `part_of`: number of a run that has begun, on this machine or another. This input is a part of that run's input.
        """
        ...

    def is_unused(self) -> bool:
        """Whether the campaign may still begin with other messages: no message is or was claimed."""
        ...

    def known(self, met: Sequence[Met]) -> dict[int, State]:
        """Returns, by index, the state of messages that an earlier run settled. Marks them as seen by this run."""
        ...

    def claim(self, claims: Sequence[Claim]) -> list[Claimed]:
        """Claims the messages that are new or released. Returns an answer to each claim, in the order of `claims`.

        `Policy.one_per_number`: claims only the first message to a number, of this run and all earlier ones.

        Raises:
            JournalError: no run has begun, or the store was opened without an account.
        """
        ...

    def record(self, results: Sequence[Result]) -> None:
        """Writes the outcomes of claims. A result changes nothing if its claim is no longer open."""
        ...

    def missing(self) -> int:
        """Returns how many journaled messages this run's input lacks.

        From now on the number of messages in that input is the campaign's full size.
        """
        ...

    # Reading

    def status(self, now: float) -> Status:
        """Counts over all runs. `now`: seconds since 1970, to tell waiting messages from those that went out."""
        ...

    def page(self, after: int, state: State | None) -> list[tuple[int, MessageRow]]:
        """Returns the next messages with a claim number above `after`; only those in `state` if it is given."""
        ...

    def meta(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - a store's own types
        """Returns a value of the campaign as a whole: `fingerprint`, `expected`, `options`."""
        ...

    def set_meta(self, name: str, value: object) -> None:
        """Writes a value that `meta` returns."""
        ...

    # Settling

    def resolve(self, key: str, state: State) -> bool:
        """Settles one UNKNOWN message by hand; False: no UNKNOWN message has this key."""
        ...

    def doubts(self) -> Window:
        """The UNKNOWN messages of this account as a whole: how many, and the times that a log must cover."""
        ...

    def note_log(self, rows: Sequence[LogRow]) -> None:
        """Keeps rows of 8x8's log that have the key of a journaled message, until `forget_log`."""
        ...

    def doubtful(self, after: int) -> list[Doubt]:
        """Returns this account's next UNKNOWN messages above claim number `after`, each with its rows of the log."""
        ...

    def evidence(self, asked_at: float, lag: float) -> dict[int, Evidence]:
        """Returns the witnesses among the accepted messages of this account, by the hour of their claim."""
        ...

    def settle(self, settlements: Sequence[Settlement], at: float) -> None:
        """Writes the verdicts about UNKNOWN messages, dated `at`."""
        ...

    def forget_log(self) -> None:
        """Drops the rows that `note_log` kept."""
        ...

    # Cancelling

    def scheduled_counts(self) -> tuple[int, int, int]:
        """Returns three counts of scheduled messages:

        - those of this account whose cancel is finished;
        - those of this account that are UNKNOWN;
        - those of other accounts that are accepted and not due yet.
        """
        ...

    def to_cancel(self, after: int, *, batch: bool) -> list[CancelTarget]:
        """Returns the next batches (all at once) or single messages above `after` that are still to cancel."""
        ...

    def mark_cancel(self, marks: Sequence[Cancellation]) -> None:
        """Writes a `CancelMark` for those messages of each target whose cancel is not finished."""
        ...
