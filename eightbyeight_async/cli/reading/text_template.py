"""Fills in the text of `--text "Hi {name}"`: a placeholder names a column. Pure.

Rules:
- A placeholder is a column name between braces. `{{` and `}}` stand for single braces.
- `str.format` is not used: its placeholders can read attributes and indexes of a value, and column names such as
  `first name` or `price.eur` would not work.
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
    """A parsed template. Literal pieces and columns alternate: `pieces[0] {columns[0]} pieces[1] ...`.

    Attributes:
        pieces: literal texts; one more than there are columns.
        columns: names of the columns, in the order of the placeholders.
    """

    pieces: tuple[str, ...]
    columns: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> TextTemplate:
        """Parses the value of `--text`.

        Raises:
            UsageError: the text or a placeholder is empty, or a brace is neither doubled nor part of a placeholder.
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
        """The text of one message. `cells` must contain every column of the template."""
        parts = [self.pieces[0]]
        for column, piece in zip(self.columns, self.pieces[1:], strict=True):
            parts += (cells[column], piece)
        return "".join(parts)


_HOW = "write {column} for a column of the file, {{ and }} for single braces"
