"""Samples of the messages to send, for the plan: the first, the longest, and the last. Pure.

Rules:
- Without `--include-private` a number is masked, and of each word of the text only the first character is shown: this
  is enough to see which placeholders are empty, where the lines break, and how long the text is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import attrs

from eightbyeight_async.cli.reading.check_rows import parts_of
from eightbyeight_async.models.privacy import masked_number

if TYPE_CHECKING:
    from eightbyeight_async.models.sms import SmsRequest

__all__ = ["Samples", "masked_text"]

_WORD = re.compile(r"\w+")
_SHOWN = 300  # characters of a sample's text on a terminal


@attrs.define
class Samples:
    """Keeps at most three messages.

    Attributes:
        first, longest, last: of the messages to send; None: there is none.
    """

    first: SmsRequest | None = None
    longest: SmsRequest | None = None
    last: SmsRequest | None = None
    _length: int = -1

    def add(self, request: SmsRequest) -> None:
        """Takes the next message to send."""
        if self.first is None:
            self.first = request
        length = len(request.text or "")
        if length > self._length:
            self.longest, self._length = request, length
        self.last = request

    def requests(self) -> dict[str, SmsRequest]:
        """Returns the different messages among the samples, each by its label, such as `first`."""
        found: dict[str, SmsRequest] = {}
        for name in ("longest", "first", "last"):
            request = getattr(self, name)
            if request is not None and not any(request is other for other in found.values()):
                found[name] = request
        return found

    def lines(self, *, private: bool) -> list[str]:
        """Returns a line for each sample. `private`: whether to show number and text in clear."""
        lines = []
        for name, one in self.as_dict(private=private).items():
            text = str(one["text"])
            cut = f"{text[:_SHOWN]}..." if len(text) > _SHOWN else text
            shown = cut.replace("\n", "\\n").replace("\r", "")
            parts = "1 part" if one["parts"] == 1 else f"{one['parts']} parts"
            lines.append(f"sample ({name}): to {one['destination']}, {one['characters']} characters, {parts}: {shown}")
        return lines

    def as_dict(self, *, private: bool) -> dict[str, dict[str, object]]:
        """Returns the samples for JSON. `private`: whether to include number and text in clear."""
        return {
            name: {
                "destination": request.destination if private else masked_number(request.destination).strip("'"),
                "parts": parts_of(request),
                "characters": len(request.text or ""),
                "text": (request.text or "") if private else masked_text(request.text or ""),
            }
            for name, request in self.requests().items()
        }


def masked_text(text: str) -> str:
    """The text with only the first character of each word, and no digit."""
    return _WORD.sub(lambda word: _masked(word.group()), text)


def _masked(word: str) -> str:
    if any(character.isdigit() for character in word):
        return "*" * len(word)
    return word[0] + "*" * (len(word) - 1)
