"""`--text "Hi {name}"`: the text of every message, with placeholders that name columns. Pure.

Not `str.format`: what stands in a file must not be able to reach attributes or indexes, and a column may be named
`first name` or `price.eur`. A placeholder is a name between braces and nothing else; `{{` and `}}` are braces.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import attrs

from eightbyeight_async.cli.exit_codes import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TextTemplate"]

_PIECE = re.compile(r"(?P<double>\{\{|\}\})|\{(?P<name>[^{}]*)\}|(?P<stray>[{}])")


@attrs.frozen
class TextTemplate:
    """Literal pieces and column names in turn: `pieces[0] {columns[0]} pieces[1] ...`."""

    pieces: tuple[str, ...]
    columns: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> TextTemplate:
        """
        Raises:
            UsageError: a brace that is neither doubled nor part of a placeholder; an empty placeholder or text.
        """
        pieces, columns, end = [""], [], 0
        for match in _PIECE.finditer(text):
            pieces[-1] += text[end : match.start()]
            end = match.end()
            if match["stray"]:
                raise UsageError(f"--text: a single {match['stray']} at character {match.start() + 1}; {_HOW}")
            if match["double"]:
                pieces[-1] += match["double"][0]
            elif not match["name"].strip():
                raise UsageError(f"--text: an empty placeholder at character {match.start() + 1}; {_HOW}")
            else:
                columns.append(match["name"].strip())
                pieces.append("")
        pieces[-1] += text[end:]
        if not columns and not pieces[0]:
            raise UsageError("--text: must not be empty")
        return cls(tuple(pieces), tuple(columns))

    def fill(self, cells: Mapping[str, str]) -> str:
        """The text of one message. Every column has to be in `cells`."""
        parts = [self.pieces[0]]
        for column, piece in zip(self.columns, self.pieces[1:], strict=True):
            parts += (cells[column], piece)
        return "".join(parts)


_HOW = "write {column} for a column of the file, {{ and }} for braces"
