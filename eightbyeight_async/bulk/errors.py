"""The errors of a campaign and its journal. A message is one line without API key, phone number or text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import attrs

from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.bulk.report import Plan
from eightbyeight_async.errors import EightByEightError

__all__ = ["AccountChangedError", "InputChangedError", "JournalError", "JournalInUseError", "Unrecorded", "named"]


@attrs.frozen(kw_only=True)
class Unrecorded:
    """A result that could not be written. The journal has only the claim: to the next run the message is UNKNOWN."""

    key: str
    place: int
    state: State
    umid: str | None = None


class JournalError(EightByEightError):
    """The journal cannot be opened, read or written. Nothing was sent without a claim in it.

    Attributes:
        reason: what is wrong, and what the user can do.
        unrecorded: results that could not be written any more.
        journal: name of the file; None: the code that raises does not know it.
        passing: whether the store may work again later. If so, it tries again to write the results.
    """

    book = "journal"
    passing = False

    def __init__(self, reason: str, unrecorded: tuple[Unrecorded, ...] = (), *, journal: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.unrecorded = unrecorded
        self.journal = journal

    def __str__(self) -> str:
        words = f"{self.book}: {self.reason}" if self.journal is None else f"{self.book} {self.journal}: {self.reason}"
        if not self.unrecorded:
            return words
        lost = f"{len(self.unrecorded):,} results could not be recorded, their messages are unknown until reconcile()"
        return f"{words}; {lost}"


@contextmanager
def named(journal: str) -> Iterator[None]:
    """Adds the file's name to each JournalError that leaves the block."""
    try:
        yield
    except JournalError as error:
        error.journal = error.journal or journal
        raise


class JournalInUseError(JournalError):
    """Another campaign holds the journal."""


class AccountChangedError(JournalError):
    """The journal holds the messages of another account (host and sub-account). Nothing was sent.

    Attributes:
        before: the journal's account.
        now: the client's account.
    """

    def __init__(self, before: object, now: object) -> None:
        super().__init__(
            f"it belongs to {before}, and this is {now}; nothing was sent. Use another journal, or "
            "allow_changed_account (--allow-changed-account): what was settled there is not sent here"
        )
        self.before = before
        self.now = now


class InputChangedError(EightByEightError):
    """These are not the messages that the campaign began with; nothing was sent by this run.

    Attributes:
        plan: what the run would do with these messages; None if the input can be read only once.
    """

    def __init__(self, plan: Plan | None) -> None:
        told = "a person whose message changed gets a second one"
        if plan is not None:
            told = f"{plan.new:,} of them are new, {plan.second:,} of these go to people who have one already"
        super().__init__(
            "these are not the messages that the campaign began with; nothing was sent (allow_changed_input goes on "
            f"with them: {told})"
        )
        self.plan = plan
