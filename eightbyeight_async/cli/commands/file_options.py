"""The options about the file of messages: how `send-each`, `send-batch` and `bulk run` read it.

Rules:
- No `from __future__ import annotations` here: cyclopts reads the annotations when the commands are created.
"""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from eightbyeight_async.cli.commands.shared_options import ENCODINGS, FILE, MessageFields
from eightbyeight_async.cli.exit_codes import UsageError
from eightbyeight_async.cli.reading.option_text import from_file, with_line_breaks

__all__ = ["FileOptions", "with_file_encoding"]

_SWITCH = Parameter(negative=(), show_default=False)


@Parameter(name="*", group=FILE)
@dataclass(frozen=True, kw_only=True)
class FileOptions:
    """How to read a file of messages."""

    text: Annotated[
        str | None,
        Parameter(
            help="The text of every message; {column} stands for the row's cell in that column, {column|default} for "
            "the default where the cell is empty, \\n for a line break.",
            allow_leading_hyphen=True,
        ),
    ] = None
    text_file: Annotated[
        Path | None, Parameter(help="A file with the text of every message, as for --text, with real line breaks.")
    ] = None
    map: Annotated[
        tuple[str, ...],
        Parameter(
            show_default=False,
            negative=(),
            help='COLUMN=FIELD: the column sets the field of the message, as in "Phone Number=destination". COLUMN= '
            "lets it set none. Can be given several times.",
        ),
    ] = ()
    default_country: Annotated[
        str | None,
        Parameter(help="Two letters: the country of numbers without + where neither the row nor --country says one."),
    ] = None
    clean_numbers: Annotated[
        bool,
        _SWITCH,
        Parameter(
            help="Remove blanks, dashes, brackets, dots and apostrophes from numbers, take 00 for +, and make numbers "
            "in national form international, by the row's country or --default-country."
        ),
    ] = False
    file_format: Annotated[
        Literal["csv", "jsonl", "xlsx", "ods"] | None,
        Parameter(name="--format", help="The format of the file. Default: by its name."),
    ] = None
    file_encoding: Annotated[
        str | None, Parameter(help="The encoding of the file, such as utf-16 or windows-1252. Default: UTF-8.")
    ] = None
    sheet: Annotated[
        str | None, Parameter(help="The sheet of a spreadsheet. Default: the only one with something in it.")
    ] = None
    delimiter: Annotated[
        str | None,
        Parameter(help="The character between the cells of a CSV, or the word tab. Default: taken from the header."),
    ] = None
    multiline: Annotated[
        bool, _SWITCH, Parameter(help="Quoted cells of a CSV may contain line breaks; else they are refused.")
    ] = False
    window: Annotated[
        str | None,
        Parameter(
            help="Send only at these times of day where the person is, such as 09:00-20:00; else schedule the message "
            "for the next opening. By the number, or by a column time_zone. What the law asks for is your business."
        ),
    ] = None
    weekdays: Annotated[
        bool, _SWITCH, Parameter(help="Send only from Monday to Friday where the person is; else schedule.")
    ] = False
    rate_for: Annotated[
        tuple[str, ...],
        Parameter(
            show_default=False,
            negative=(),
            help="SG=100: at most 100 messages a second to a country. Can be given several times. Not in batches.",
        ),
    ] = ()
    rules: Annotated[
        Path | None,
        Parameter(
            help='A TOML file with tables by country: [SG] source = "ACME", rate = 100, window = "09:00-20:00", '
            "weekdays = true. A row's own source goes before it, and it goes before --source and --window."
        ),
    ] = None
    opt_out: Annotated[
        tuple[str, ...],
        Parameter(
            show_default=False,
            negative=(),
            help="A file with the numbers of people who have opted out, one a line or in a column: they are sent "
            "nothing, and counted. Can be given several times. A column opt_out of the rows (yes, no) does the same.",
        ),
    ] = ()
    bad_rows: Annotated[
        Path | None,
        Parameter(
            help="Send the good rows, and write the others to this file, each with its problem, in the format of the "
            "input: to be mended and sent the same way. Default: nothing is sent if a row is wrong. An existing file "
            "is kept: the rows then go to NAME-2."
        ),
    ] = None
    problems: Annotated[
        Path | None, Parameter(help="Write all problems to this file: CSV, or JSONL by its name. Without values.")
    ] = None

    def values(self) -> dict[str, Any]:
        """Returns the given options by name; None: not given. The text comes from `--text` or `--text-file`.

        Raises:
            UsageError: both are given, or the text's file cannot be read.
        """
        given = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "text_file"}
        given = {name: None if value is False else value for name, value in given.items()}
        given["text"] = None if self.text is None else with_line_breaks(self.text)
        given["map"] = list(self.map) or None
        given["opt_out"] = list(self.opt_out) or None
        given["rate_for"] = list(self.rate_for) or None
        given["rules"] = None if self.rules is None else str(self.rules)
        if self.text_file is not None:
            if self.text is not None:
                raise UsageError("--text-file: leave out --text, or this")
            given["text"] = from_file(self.text_file)
        return given


def with_file_encoding(how: FileOptions, message: MessageFields) -> tuple[FileOptions, MessageFields]:
    """Treats `--encoding windows-1252` as `--file-encoding`: only `ENCODINGS` are encodings of messages.

    Raises:
        UsageError: both name an encoding of files.
    """
    given = message.encoding
    if given is None or given in ENCODINGS:
        return how, message
    if how.file_encoding is not None:
        raise UsageError(f"--encoding: must be {', '.join(ENCODINGS)}, the encoding of the messages")
    from eightbyeight_async.cli.reading.input_copy import encoding_named  # noqa: PLC0415 - not for --help

    return replace(how, file_encoding=encoding_named(given, "--encoding")), replace(message, encoding=None)
