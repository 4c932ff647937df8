"""An HTTP answer, and a quick reader for plain answers in one piece. Almost all answers are of this kind. Pure.

A plain answer has one Content-Length, and nothing else that changes its framing. One regular expression checks this in
a third of the time of a parser that makes a call for each header. `AnswerReader` reads all other answers. For a plain
answer both give the same result; `tests/transport/test_plain_answers.py` compares them.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import NamedTuple

__all__ = ["MAX_HEAD", "Answer", "AnswerHeaders", "read_plain"]

MAX_HEAD = 64 * 1024
"""The most bytes of status lines and headers of one answer, together with the 1xx answers before it.

httpx's limit is 100 KiB. By default nginx sends at most 8 KiB, Node 16 KiB."""


def _name_character(*, but: str = "") -> str:
    """Returns a character class for header names (RFC 9110, section 5.6.2), without the letters in `but`."""
    letters = "".join(one for one in string.ascii_letters if one.lower() not in but)
    return rf"[!#$%&'*+\-.^_`|~0-9{letters}]"


# A name that begins with co, pro, tr or up can be Connection, Content-Encoding, Content-Length, Proxy-Connection,
# Transfer-Encoding or Upgrade. Two such headers are harmless and common.
_REST = f"{_name_character()}*+:[ -~]*+"
_HARMLESS = (
    f"(?:{_name_character(but='cptu')}{_REST}"
    f"|[Cc](?:{_name_character(but='o')}{_REST}|ontent-[Tt]ype:[ -~]*+|onnection: [Kk]eep-[Aa]live)"
    f"|[Pp](?:{_name_character(but='r')}|[Rr]{_name_character(but='o')}){_REST}"
    f"|[Tt]{_name_character(but='r')}{_REST}|[Uu]{_name_character(but='p')}{_REST}"
    r")\r\n"
)
_PLAIN = (
    r"HTTP/1\.1 (20[0-3]|[45][0-9][0-9]) ([ -~]*+)\r\n"
    rf"((?:{_HARMLESS})*+[Cc]ontent-[Ll]ength: ([0-9]{{1,9}}+)\r\n(?:{_HARMLESS})*+)\r\n"
).encode()
_make: Callable[[type[Answer], tuple[int, AnswerHeaders, bytes, bytes, bytes]], Answer] = tuple.__new__
# takes a third of the time of `Answer(...)`


class AnswerHeaders(Mapping[str, str]):
    """The headers of an answer by their names in lower case. Most answers are read without them.

    Args:
        found: names and values, or the lines of a plain answer.
    """

    __slots__ = ("_found",)

    def __init__(self, found: list[tuple[bytes, bytes]] | bytes) -> None:
        self._found = found

    @property
    def raw(self) -> list[tuple[bytes, bytes]]:
        """The headers in the order and case in which they were sent, with the blanks after their values."""
        if isinstance(self._found, bytes):
            pairs = (line.partition(b":") for line in self._found.split(b"\r\n")[:-1])
            self._found = [(name, value.lstrip(b" ")) for name, _, value in pairs]
        return self._found

    def __getitem__(self, name: str) -> str:
        found = [value.rstrip(b" \t").decode("latin-1") for one, value in self.raw if one.lower() == name.encode()]
        if not found:
            raise KeyError(name)
        return ", ".join(found)

    def __iter__(self) -> Iterator[str]:
        return iter({name.lower().decode("latin-1") for name, _ in self.raw})

    def __len__(self) -> int:
        return len(set(self))


class Answer(NamedTuple):
    """A complete answer.

    - `status`: the status code, 200 to 999.
    - `headers`: the headers.
    - `body`: the body without its transfer encoding and content encoding.
    - `version`: the HTTP version, e.g. `b"HTTP/1.1"`.
    - `reason`: the reason phrase, as sent.
    """

    status: int
    headers: AnswerHeaders
    body: bytes
    version: bytes
    reason: bytes


@cache
def _plain() -> re.Pattern[bytes]:
    return re.compile(_PLAIN)  # compiled at its first use, because this takes 1.4 ms


def read_plain(data: bytes, max_body: int) -> Answer | None:
    """The answer if it is plain and `data` is all of it; else None. Its connection may carry another request."""
    found = _plain().match(data)
    if found is None or len(data) > MAX_HEAD:
        return None
    status, reason, lines, length = found.groups()
    body = data[found.end() :]
    if len(body) != int(length) or len(body) > max_body:
        return None
    number = 200 if status == b"200" else int(status)
    return _make(Answer, (number, AnswerHeaders(lines), body, b"HTTP/1.1", reason))
