"""Which answer of a batch belongs to which of its messages.

The APIs answer in the order of the request, but no page promises it. So a place counts only where message and answer
do not contradict each other; what is left is looked for by one key after another, and taken only where the key stands
once on either side. What remains stays without an answer: a wrong pair is worse than none.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["pair"]

Q = TypeVar("Q")
A = TypeVar("A")


def pair(
    asked: Sequence[Q],
    answers: Sequence[A],
    agree: Callable[[Q, A], bool],
    keys: Sequence[Callable[[Q | A], str | None]],
) -> list[A | None]:
    """For each message its answer, or None.

    Args:
        asked, answers: in the order they were sent and came.
        agree: whether a message and the answer in its place do not contradict each other.
        keys: what message and answer have in common, the surest first; None: nothing to go by.
    """
    found: list[A | None] = [None] * len(asked)
    left = dict(enumerate(answers))
    if len(answers) == len(asked):
        for index, (one, answer) in enumerate(zip(asked, answers, strict=True)):
            if agree(one, answer):
                found[index] = left.pop(index)
    for key in keys:
        places: defaultdict[str | None, list[int]] = defaultdict(list)
        for place, answer in left.items():
            places[key(answer)].append(place)
        open_ones: defaultdict[str | None, list[int]] = defaultdict(list)
        for index, one in enumerate(asked):
            if found[index] is None:
                open_ones[key(one)].append(index)
        for value, indexes in open_ones.items():
            candidates = places.get(value, [])
            if value is not None and len(indexes) == len(candidates) == 1:
                found[indexes[0]] = left.pop(candidates[0])
    return found
