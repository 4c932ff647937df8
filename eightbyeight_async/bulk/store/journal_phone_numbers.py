"""People within a journal: the numbers that have a message (`Policy.one_per_number`), and those who have opted out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from eightbyeight_async.bulk.judging.claims import numbers_taken
from eightbyeight_async.bulk.store.journal_queries import GUARD, HAS_MESSAGE
from eightbyeight_async.bulk.store.journal_settling import JournalSettling
from eightbyeight_async.bulk.store.records import OPTED_OUT, Claim, Claimed, Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["JournalNumbers"]

# Numbers with a message, or seen by this run; for each the lowest and the highest hash of its messages.
_HOLDERS = f"""
SELECT json_group_array(json_array(who, low, high)) FROM (
    SELECT m.who AS who, min(m.hash) AS low, max(m.hash) AS high
    FROM json_each(:numbers) AS j CROSS JOIN message AS m INDEXED BY message_who ON m.who=j.value
    WHERE {HAS_MESSAGE} OR m.run=:run GROUP BY m.who)
"""  # noqa: S608 - constants


_OPT_OUT = f"""
UPDATE message SET state=6, guard={GUARD.format(6)}, at=:now WHERE id IN (SELECT value FROM json_each(:ids))
"""  # noqa: S608 - constants


class JournalNumbers(JournalSettling):
    """The part of `Journal` that compares phone numbers by their digests."""

    run: int
    _policy: Policy
    _now: Callable[[], float]

    def index_numbers(self) -> None:
        """Makes the index that `numbers_taken` needs. Without the option `one_per_number` no index is made."""
        if self._policy.one_per_number:
            self.sql.execute("CREATE INDEX IF NOT EXISTS message_who ON message (who)")

    def numbers_taken(self, claims: Sequence[Claim]) -> frozenset[int]:
        """Returns the ids of the claims whose number has another message; none without the option `one_per_number`."""
        if not self._policy.one_per_number:
            return frozenset()
        claims = [claim for claim in claims if not claim.opted_out]
        numbers = json.dumps(list({claim.identity.who for claim in claims}))
        found = self.sql.execute(_HOLDERS, {"numbers": numbers, "run": self.run}).fetchone()[0]
        return numbers_taken(claims, {who: (low, high) for who, low, high in json.loads(found)})

    def opt_out(self, claims: Sequence[Claim], answers: list[Claimed]) -> list[Claimed]:
        """Journals the granted claims of people who have opted out as OPTED_OUT. Returns the answers after that."""
        ids = {
            claim.id for claim, answer in zip(claims, answers, strict=True) if claim.opted_out and answer.state is None
        }
        if not ids:
            return answers
        self.sql.execute(_OPT_OUT, {"ids": json.dumps(list(ids)), "now": self._now()})
        return [OPTED_OUT if claim.id in ids else answer for claim, answer in zip(claims, answers, strict=True)]
