"""Rates of groups of messages, such as the messages to one country. Each group has its own rate, below that of the run.

A message waits for its group before it is claimed. Groups need one request per message: a batch is sent at once, so its
messages cannot be paced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.request_pacer import Pacer

if TYPE_CHECKING:
    from collections.abc import Callable

    from eightbyeight_async.bulk.run.choose_mode import Mode
    from eightbyeight_async.models.sms import SmsRequest

    GroupOf = Callable[[SmsRequest], tuple[str, float] | None]

__all__ = ["GroupRates", "mode_with_groups"]


def mode_with_groups(mode: Mode, group_of: GroupOf | None) -> Mode:
    """Returns the mode of a run. With groups it is "each".

    Raises:
        InvalidRequestError: the caller wants groups and batches.
    """
    if group_of is not None and mode == "batch":
        raise InvalidRequestError("group_rate", "a batch goes out at once: leave it out, or use mode each")
    return mode if group_of is None else "each"


class GroupRates:
    """The paces of one run.

    Args:
        group_of: returns the name of a message's group and the group's messages per second; None: the message has no
            group.
        clock: monotonic, in seconds.
    """

    def __init__(self, group_of: GroupOf | None, clock: Callable[[], float]) -> None:
        self._group_of = group_of
        self._clock = clock
        self._pacers: dict[str, Pacer] = {}

    def reserve(self, request: SmsRequest) -> float:
        """Reserves the next moment for a message. Returns the seconds until it."""
        group = None if self._group_of is None else self._group_of(request)
        if group is None:
            return 0.0
        name, rate = group
        pacer = self._pacers.get(name)
        if pacer is None:
            pacer = self._pacers[name] = Pacer(rate, self._clock)
        return pacer.reserve()[0]
