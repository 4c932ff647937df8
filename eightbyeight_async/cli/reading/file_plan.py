"""The first reading of an input file: checks every row and prints the problems. Sends nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs

from eightbyeight_async.cli.exit_codes import UsageError
from eightbyeight_async.cli.reading.check_rows import Checked, check_rows
from eightbyeight_async.cli.reading.column_map import ColumnMap
from eightbyeight_async.cli.reading.country_rules import CountryRules
from eightbyeight_async.cli.reading.csv_rows import CsvRows
from eightbyeight_async.cli.reading.input_file import SHEETS, format_of, open_input
from eightbyeight_async.cli.reading.jsonl_rows import JsonlRows
from eightbyeight_async.cli.reading.opt_outs import OptOuts, add_marked_rows
from eightbyeight_async.cli.reading.plan_limits import PlanLimits
from eightbyeight_async.cli.reading.problem_report import refuse_other_file, write_problems
from eightbyeight_async.cli.reading.row_to_request import RowConverter
from eightbyeight_async.cli.reading.send_window import SendWindow
from eightbyeight_async.cli.reading.text_template import TextTemplate
from eightbyeight_async.cli.terminal.loop_and_signals import now
from eightbyeight_async.models.privacy import masked_digits, masked_runs
from eightbyeight_async.models.sms import SmsRequest
from eightbyeight_async.text import MAX_PARTS, TextPolicy

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from eightbyeight_async.cli.reading.check_rows import RowObserver
    from eightbyeight_async.cli.reading.input_file import InputFile
    from eightbyeight_async.cli.terminal.display import Display

__all__ = ["FilePlan", "check_file", "input_of", "opt_outs_of", "reading_fields", "row_reader", "rules_of"]

_UNUSED_SHOWN = 8
_SEPARATORS = {"tab": "\t", "\\t": "\t"}


@attrs.frozen(kw_only=True)
class FilePlan:
    """How a file is read and sent. `bulk run` uses only the fields about reading.

    Attributes:
        file: path of the file; `-` for stdin.
        text: the template of `--text`; None: each row has its own text.
        defaults: field values for rows without a value.
        format: `csv`, `jsonl`, `xlsx` or `ods`; None: taken from the file's name.
        separator: separator of CSV cells; None: taken from the header.
        multiline: whether quoted cells of a CSV may contain line breaks.
        map: values of `--map`, such as `Phone Number=destination`.
        default_country: two letters, for numbers without `+` in rows without a country.
        window: when messages may be sent to people, such as `09:00-20:00`; None: at any time of day.
        weekdays: whether no message is sent on Saturdays and Sundays.
        rules: file with senders, rates and windows by country.
        rate_for: rates by country, such as `SG=100`.
        clean_numbers: whether numbers are cleaned.
        encoding: encoding of the file; None: UTF-8.
        sheet: name of the sheet of a spreadsheet; None: its only sheet.
        long_text: what to do with a text of more than 10 parts.
        mode: `each` sends one request per row, `batch` one request per `chunk_size` rows.
        chunk_size: rows per request in mode `batch`.
        concurrency: maximum number of requests in flight.
        rate: maximum number of requests per second; None: no limit.
        output: file for the records; None: stdout.
        force: whether `output` may be overwritten.
        include_private: whether records contain numbers and texts.
        duplicates: whether a message that is in the file twice is left out (`skip`) or sent again (`send`).
        one_per_number: whether only the first message to each number is sent.
        require_plus: whether a number without `+` and without country is refused.
        opt_out: files with the numbers of people who have opted out.
        bad_rows: file for the rows with a problem, which are set aside; None: such a row makes the command refuse the
            file.
        problems: file for a report of all problems; None: no report is written.
        limits: what the run must not exceed.
        yes: whether many messages are sent without asking the user.
        limit: maximum number of messages to send; None: no limit.
        only: returns whether the run concerns a message; None: it concerns all messages.
        keep_trying: how long the run waits for the network, such as `30m`; None: it does not wait.
        on_end: command that gets the results when the run has ended; None: there is none.
        test_to: a number to which samples are sent, instead of the messages; None: the messages are sent.
    """

    file: str
    text: str | None = None
    defaults: Mapping[str, object] = attrs.field(factory=dict)
    format: str | None = None
    separator: str | None = None
    multiline: bool = False
    map: Sequence[str] = ()
    default_country: str | None = None
    clean_numbers: bool = False
    window: str | None = None
    weekdays: bool = False
    rules: str | None = None
    rate_for: Sequence[str] = ()
    encoding: str | None = None
    sheet: str | None = None
    long_text: TextPolicy = attrs.field(default=TextPolicy.WARN, converter=TextPolicy)
    mode: Literal["each", "batch"] = "each"
    chunk_size: int = 1
    concurrency: int = 50
    rate: float | None = None
    output: Path | None = None
    force: bool = False
    include_private: bool = False
    duplicates: Literal["skip", "send"] = "skip"
    one_per_number: bool = False
    require_plus: bool = False
    opt_out: Sequence[str] = ()
    bad_rows: Path | None = None
    problems: Path | None = None
    limits: PlanLimits = PlanLimits()  # noqa: RUF009 - frozen
    yes: bool = False
    limit: int | None = None
    only: Callable[[SmsRequest], bool] | None = None
    keep_trying: str | None = None
    on_end: str | None = None
    test_to: str | None = None


_OTHER_NAMES = {"file_format": "format", "delimiter": "separator", "file_encoding": "encoding"}


def reading_fields(options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the fields of a `FilePlan` about reading, without those not given.

    `options`: options by name, as from `FileOptions.values`; None: not given.
    """
    return {_OTHER_NAMES.get(name, name): value for name, value in options.items() if value is not None}


def row_reader(plan: FilePlan) -> CsvRows | JsonlRows:
    """Returns the reader for the format of the file.

    Raises:
        UsageError: `--text`, `--map`, `--default-country`, `--format` or `--delimiter` is invalid, or the name does not
            show the format.
    """
    template = None if plan.text is None else TextTemplate.parse(plan.text)
    converter = RowConverter(
        template=template,
        defaults=plan.defaults,
        now=now,
        long_text=plan.long_text,
        column_map=ColumnMap.parse(plan.map),
        default_country=_default_country(plan),
        clean=_cleaner(plan),
        window=SendWindow.parse(plan.window, now(), weekdays=plan.weekdays),
        rules=rules_of(plan),
        only=plan.only,
    )
    form = format_of(plan.file, plan.format)
    if form == "jsonl":
        return JsonlRows(converter)
    if form in SHEETS:
        return CsvRows(converter, ",", multiline=True)
    separator = _SEPARATORS.get(plan.separator or "", plan.separator)
    if separator is not None and (len(separator) != 1 or separator in '"\r\n'):
        raise UsageError("--delimiter: must be one character, or the word tab")
    return CsvRows(converter, separator, multiline=plan.multiline)


def rules_of(plan: FilePlan) -> CountryRules | None:
    """Returns the rules by country; None: there are none.

    Raises:
        UsageError: the options or the file break a rule, or a country has a rate and the mode is `batch`.
    """
    found = CountryRules.read(plan.rules, plan.rate_for, now())
    if found is not None and found.rates and plan.mode == "batch":
        raise UsageError("--rate-for, or a rate of --rules: a batch goes out at once; send one by one (send-each)")
    return found


def input_of(plan: FilePlan) -> AbstractContextManager[InputFile]:
    """Opens the file of a plan: see `open_input`."""
    form = format_of(plan.file, plan.format)
    return open_input(plan.file, form=form, encoding=plan.encoding, sheet=plan.sheet)


def opt_outs_of(plan: FilePlan, input_file: InputFile, rows: CsvRows | JsonlRows) -> OptOuts:
    """Returns the people who have opted out, according to the files and the rows.

    Raises:
        UsageError: a file cannot be read.
    """
    found = OptOuts(_default_country(plan))
    for name in plan.opt_out:
        found.add_file(name)
    add_marked_rows(found, input_file, rows, ColumnMap.parse(plan.map))
    return found


def _default_country(plan: FilePlan) -> str | None:
    given = plan.default_country
    if given is None:
        return None
    from eightbyeight_async.cli.reading.clean_number import is_country  # noqa: PLC0415 - 20 ms; rarely needed

    if not is_country(given):
        raise UsageError("--default-country: must be the two letters of a country, such as SG")
    return given.upper()


def _cleaner(plan: FilePlan) -> Callable[[str, str | None], tuple[str, tuple[str, ...]]] | None:
    if not plan.clean_numbers:
        return None
    from eightbyeight_async.cli.reading.clean_number import NumberCleaner  # noqa: PLC0415 - 20 ms; rarely needed

    return NumberCleaner(_default_country(plan)).clean


def check_file(
    input_file: InputFile,
    rows: CsvRows | JsonlRows,
    display: Display,
    plan: FilePlan,
    observer: RowObserver | None = None,
    *,
    allow_late: bool = False,
) -> Checked:
    """Checks every row, prints the problems and the notes, writes the report of the problems.

    Args:
        input_file: the file.
        rows: reader of the file's rows.
        display: prints.
        plan: decides what is refused.
        observer: called with each valid row; None: no observer.
        allow_late: see `check_rows`.
    """
    if plan.problems is not None:
        refuse_other_file(plan.problems)
    with display.checking(input_file.name, input_file.size) as progress:
        input_file.lines.on_block = progress
        checked = check_rows(
            rows.read(input_file.lines.first()),
            observer,
            allow_late=allow_late,
            require_plus=plan.require_plus,
            set_aside=plan.bad_rows is not None,
            keep_all=plan.problems is not None,
        )
    input_file.lines.on_block = lambda _: None
    if plan.problems is not None:
        write_problems(plan.problems, checked.found)
    if checked.first_without_plus is not None:
        rows_refused = "this row" if checked.without_plus == 1 else f"{checked.without_plus:,} such rows"
        display.error(
            f"{input_file.name}:{checked.first_without_plus}; write + and the calling code, or give a country; "
            f"--require-plus refuses {rows_refused}; nothing was sent"
        )
    for problem in checked.problems:
        display.error(f"{input_file.name}:{problem}")
    if checked.wrong > len(checked.problems):
        display.error(f"{input_file.name}: and {checked.wrong - len(checked.problems):,} more")
    if checked.refused:
        if checked.wrong:
            display.error(f"{'1 problem' if checked.wrong == 1 else f'{checked.wrong:,} problems'}; nothing was sent")
        return checked
    for hint in rows.hints:
        display.note(f"nobody is left out by a column `opt_out`; add {hint}")
    if rows.unused:
        names = ", ".join(masked_digits(name) for name in rows.unused[:_UNUSED_SHOWN])
        more = f" and {len(rows.unused) - _UNUSED_SHOWN} more" if len(rows.unused) > _UNUSED_SHOWN else ""
        display.note(f"unused columns: {names}{more}")
    if checked.cleaned:
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in checked.changes.most_common())
        display.note(f"numbers cleaned: {checked.cleaned:,} of {checked.rows:,} ({kinds})")
    for column, count in checked.blanks.items():
        instead = "; its default is used" if rows.has_default(column) else ""
        display.note(f"{{{masked_runs(column)}}} is empty in {count:,} of {checked.rows:,} rows{instead}")
    if checked.long:
        places = _places(checked.long, checked.long_rows)
        display.note(f"the platform will truncate texts of more than {MAX_PARTS} parts, in {places}")
    if checked.late:
        places = _places(checked.late, checked.late_rows)
        display.note(f"times that have passed, in {places}; this run sends none of these messages")
    return checked


def _places(count: int, rows: list[int]) -> str:
    """`1 row: 7`, `12 rows: 1, 5, 9, 10, 11, ...`."""
    first = ", ".join(f"{row:,}" for row in rows)
    more = ", ..." if count > len(rows) else ""
    return f"{'1 row' if count == 1 else f'{count:,} rows'}: {first}{more}"
