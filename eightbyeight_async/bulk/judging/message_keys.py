"""Which messages are the same: keys, digests, and the fingerprint of a whole input. Pure: the salt is passed in.

Rules:
- Two messages are the same if text, sender, number and schedule are the same.
- The key of a message is its `client_message_id`; a blank one does not count. A message without one gets as key a
  salted digest of number, country, sender and text.
- The schedule is not in the digest: a script that schedules "in an hour" computes another time when it runs again, and
  must not send everything twice. Messages of one input that differ only in their schedule get an `occurrence` each: 0,
  1, 2 ...
- An id must not bring a phone number into a journal. So an id that contains its message's own number is digested, too.
  The grouping of the number (`+49 151 234-567`, `0151/234567`) and the script of its digits do not matter. An id with
  unprintable characters is digested as well.
- The rule for a campaign's keys never changes: under another rule all its messages would count as new. The length of
  the salt shows which rule a campaign has:
  - 16 bytes: ids with grouped numbers stay undigested, and the case of `country` counts;
  - 17 bytes: the case of `country` counts;
  - 18 bytes: the rules above and below.
- A number is compared by its digits: `+6591110001` and `6591110001` are the same. A national number is compared by its
  digits and its `country`, in upper case. It differs from the same number in international form.

Digests are keyed BLAKE2b: 96 bits for a key, 63 bits for a lookup. In a journal of a million messages two lookup
digests collide with a chance of 6e-8. A person who has the journal can guess a number and test the guess against the
digests.
"""

from __future__ import annotations

import hashlib
import operator
import struct
import unicodedata
from typing import NamedTuple

import attrs

from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.models.sms import SmsRequest

__all__ = [
    "SALT_BYTES",
    "SALT_LENGTHS",
    "Fingerprint",
    "Identity",
    "Keys",
    "check_message",
    "own_reference",
    "with_reference",
]

SALT_LENGTHS = (18, 17, 16)  # one for each rule, the present one first
SALT_BYTES = SALT_LENGTHS[0]
_DIGEST_BYTES = 12
_integer = struct.Struct(">Q").unpack
_TAIL = 7  # digits of the shortest phone number
_GROUPING = bytes(code for code in range(128) if not chr(code).isalnum())
_NAMES = tuple(field.name for field in attrs.fields(SmsRequest) if field.name != "client_message_id")
_read = operator.attrgetter(*_NAMES)
# Writes to the slots directly, because the class is frozen.
_WRITE = tuple(getattr(SmsRequest, name).__set__ for name in _NAMES)
_write_reference = getattr(SmsRequest, "client_message_id").__set__  # noqa: B009 - to mypy it is a string


class Identity(NamedTuple):
    """The identity of a message.

    Attributes:
        key: `client_message_id` or digest; the journal contains it.
        hash: digest of the key, 63 bits; the journal finds the message by this digest.
        who: digest of the number; negative for a national number, because the log shows that number in another form.
        what: digest of sender and text; None if the key covers them.
    """

    key: str
    hash: int
    who: int
    what: int | None = None


class Keys:
    """Computes the keys and digests of messages with the salt of one journal."""

    def __init__(self, salt: bytes) -> None:
        self._salt = salt
        self._sees_grouped = len(salt) != 16
        self._any_case = _any_case(salt)
        # Copied for every digest: making a keyed hash takes twice as long as copying one.
        self._long = hashlib.blake2b(digest_size=_DIGEST_BYTES, key=salt)
        self._short = hashlib.blake2b(digest_size=8, key=salt)

    def of(self, request: SmsRequest, occurrence: int = 0) -> Identity:
        """The identity of a message.

        Args:
            request: the message.
            occurrence: 0 for the first message of an input with this content and no id of its own, 1 for the next, and
                so on.
        """
        digits = request.destination.lstrip("+")
        number, national = digits, False
        if (country := request.country) is not None and digits == request.destination:
            number, national = f"{digits}|{country.upper() if self._any_case else country}", True
        # Inlined for the number and the key of most messages: three calls less save a microsecond a message.
        digest = self._short.copy()
        digest.update(b"who:%b" % number.encode())
        who = _integer(digest.digest())[0] >> 1
        if national:
            who = -1 - who
        source = request.source or ""
        # Unambiguous: number and country contain no `|`, and the length of the sender precedes the sender.
        content = f"{len(source)}|{source}{request.text}"
        reference = request.client_message_id
        if reference is not None and (reference := own_reference(request)) is not None:
            key = self._of_reference(reference, digits)
            return Identity(key, self._number(key), who, self._number(f"what:{content}"))
        content = f"{occurrence}#{number}|{content}" if occurrence else f"{number}|{content}"
        digest = self._long.copy()
        digest.update(content.encode("utf-8", "surrogatepass"))
        key = digest.hexdigest()
        digest = self._short.copy()
        digest.update(key.encode())
        return Identity(key, _integer(digest.digest())[0] >> 1, who)

    def hash_of(self, key: str) -> int:
        return self._number(key)

    def who_of(self, number: str) -> int:
        """The digest of a number in international form, as a log shows it."""
        return self._number(f"who:{number.lstrip('+')}")

    def candidates(self, reference: str) -> tuple[str, str]:
        """Returns the keys that the journal can have for a `clientmessageid` of 8x8's log."""
        return reference, self._hidden(reference)

    def fingerprint(self) -> Fingerprint:
        return Fingerprint(self._salt)

    def _of_reference(self, reference: str, digits: str) -> str:
        tail = digits[-_TAIL:]
        hide = tail in reference or not reference.isprintable()
        if not hide and self._sees_grouped and not (reference.isascii() and reference.isalnum()):
            hide = tail in _ungrouped(reference)
        return self._hidden(reference) if hide else reference

    def _hidden(self, reference: str) -> str:
        return self._digest(f"id:{reference}")

    def _digest(self, content: str) -> str:
        digest = self._long.copy()
        digest.update(content.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def _number(self, content: str) -> int:
        digest = self._short.copy()
        digest.update(content.encode("utf-8", "surrogatepass"))
        return int(_integer(digest.digest())[0] >> 1)  # SQLite's integers are signed, so 63 bits remain


class Fingerprint:
    """The fingerprint of an input.

    It consists of the number of messages and the sum of their digests. The order of the messages does not matter::

        fingerprint = campaign.fingerprint()
        for request in requests:
            fingerprint.add(request)
    """

    def __init__(self, salt: bytes) -> None:
        self._salt = salt
        self._any_case = _any_case(salt)
        self._sum = 0
        self.count: int = 0

    def add(self, request: SmsRequest) -> None:
        """Count a message."""
        source = request.source or ""
        number = request.destination.lstrip("+")
        country = request.country or ""
        if self._any_case and country:
            country = country.upper()
        content = f"{request.client_message_id!r}{number}|{country}|{len(source)}|{source}{request.text}"
        digest = hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16, key=self._salt).digest()
        self._sum = (self._sum + int.from_bytes(digest)) % 2**128
        self.count += 1

    def __str__(self) -> str:
        return f"{self.count}-{self._sum:032x}"


def _any_case(salt: bytes) -> bool:
    """Whether `SG` and `sg` are the same country in a campaign with this salt."""
    return len(salt) not in (16, 17)


def _ungrouped(reference: str) -> str:
    """Returns the letters and digits of an id, without separators; digits of every script become ASCII digits."""
    if reference.isascii():  # translated as bytes: takes a fifth of the time of `str.translate`
        return reference.encode().translate(None, _GROUPING).decode()
    return "".join(
        str(unicodedata.decimal(character)) if character.isdecimal() else character
        for character in reference
        if character.isalnum()
    )


def own_reference(request: SmsRequest) -> str | None:
    """The message's own id; None: it has none. An id of only blanks and unprintable characters counts as none."""
    reference = request.client_message_id
    if reference is None or any(character.isprintable() and not character.isspace() for character in reference):
        return reference
    return None


def with_reference(request: SmsRequest, reference: str) -> SmsRequest:
    """Returns a copy of the request with this `client_message_id`.

    It does not use `attrs.evolve`, which checks every field again: 8 microseconds a message instead of 2.
    """
    if type(request) is not SmsRequest:
        return attrs.evolve(request, client_message_id=reference)
    copy = object.__new__(SmsRequest)
    for write, value in zip(_WRITE, _read(request), strict=True):
        write(copy, value)
    _write_reference(copy, reference)
    return copy


def check_message(request: object) -> SmsRequest:
    """Returns the request.

    Raises:
        InvalidRequestError: `request` is not a SmsRequest.
    """
    if not isinstance(request, SmsRequest):
        raise InvalidRequestError("messages", f"must be of class SmsRequest, not {type(request).__name__}")
    return request
