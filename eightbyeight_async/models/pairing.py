"""Pairing: which response in a batch's response belongs to which message of the request.

The APIs respond in the order of the request, but 8x8 does not document that order. A wrong pair is worse than no pair.
So:

1. Message and response at the same position are a pair, unless they contradict each other. This step is skipped if
   the numbers of messages and responses differ.
2. The other messages are matched by one key after another. A key counts only if exactly one message and one response
   have it.
3. Any other message stays without a response.
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
    messages: Sequence[Q],
    responses: Sequence[A],
    agree: Callable[[Q, A], bool],
    keys: Sequence[Callable[[Q | A], str | None]],
) -> list[A | None]:
    """The response of each message, or None, in the order of the messages.

    Args:
        messages: the messages, in the order of the request.
        responses: the responses, in the order of the batch's response.
        agree: returns False if a message and the response at its position contradict each other.
        keys: functions, the most reliable first. Each returns a value that a message and its response share, or None if
            there is no such value.
    """
    found: list[A | None] = [None] * len(messages)
    left = dict(enumerate(responses))
    if len(responses) == len(messages):
        for index, (message, response) in enumerate(zip(messages, responses, strict=True)):
            if agree(message, response):
                found[index] = left.pop(index)
    for key in keys:
        positions: defaultdict[str | None, list[int]] = defaultdict(list)
        for position, response in left.items():
            positions[key(response)].append(position)
        unmatched: defaultdict[str | None, list[int]] = defaultdict(list)
        for index, message in enumerate(messages):
            if found[index] is None:
                unmatched[key(message)].append(index)
        for value, indexes in unmatched.items():
            candidates = positions.get(value, [])
            if value is not None and len(indexes) == len(candidates) == 1:
                found[indexes[0]] = left.pop(candidates[0])
    return found
