"""What goes wrong with a journal. Each message is one line, in our own words, without a key, a number or a text."""

from __future__ import annotations

import attrs

from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.errors import EightByEightError

__all__ = ["InputChangedError", "JournalError", "JournalInUseError", "Unrecorded"]


@attrs.frozen(kw_only=True)
class Unrecorded:
    """A result that could not be written: the journal holds the claim alone, so it opens as UNKNOWN next time."""

    key: str
    place: int
    state: State
    umid: str | None = None


class JournalError(EightByEightError):
    """The journal cannot be opened, read or written. Nothing was sent without a claim in it.

    Attributes:
        reason: what is wrong.
        unrecorded: results that came when they could not be written any more.
    """

    def __init__(self, reason: str, unrecorded: tuple[Unrecorded, ...] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.unrecorded = unrecorded

    def __str__(self) -> str:
        if not self.unrecorded:
            return f"journal: {self.reason}"
        return f"journal: {self.reason}; {len(self.unrecorded):,} results could not be recorded (.unrecorded has them)"


class JournalInUseError(JournalError):
    """Another campaign holds the journal."""


class InputChangedError(EightByEightError):
    """These are not the messages that the campaign began with; nothing was sent by this run."""
