"""From files to rows: the values that are read, and problems by line, row, field and rule, never with a value."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from eightbyeight_async.cli.reading.check_rows import check_rows
from eightbyeight_async.cli.reading.csv_rows import CsvRows
from eightbyeight_async.cli.reading.jsonl_rows import JsonlRows
from eightbyeight_async.cli.reading.row_to_request import Problem, Row, RowConverter
from eightbyeight_async.cli.reading.text_template import TextTemplate
from eightbyeight_async.cli.reading.twice_read_lines import MAX_LINE, TwiceReadLines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eightbyeight_async.models.sms import SmsRequest

NOW = datetime(2026, 11, 7, 12, 0, tzinfo=UTC)
A, B = "+6598765432", "+14155550100"


def converter(text: str | None = None, defaults: Mapping[str, object] | None = None) -> RowConverter:
    return RowConverter(
        template=None if text is None else TextTemplate.parse(text), defaults=defaults or {}, now=lambda: NOW
    )


def read(reader: CsvRows | JsonlRows, data: bytes) -> list[Row | Problem]:
    return list(reader.read(TwiceReadLines(BytesIO(data)).first()))


def csv_requests(data: bytes, text: str | None = None, **defaults: object) -> list[SmsRequest]:
    rows = read(CsvRows(converter(text, defaults)), data)
    assert [row for row in rows if isinstance(row, Problem)] == []
    return [row.request for row in rows if isinstance(row, Row)]


def complaints(reader: CsvRows | JsonlRows, data: bytes) -> list[str]:
    return [str(row) for row in read(reader, data) if isinstance(row, Problem)]


HEAD = b"destination,text\n"


@pytest.mark.parametrize(
    "data",
    [
        b"destination,text\n+6598765432,Hi\n+14155550100,Ho\n",
        b"\xef\xbb\xbfdestination,text\r\n+6598765432,Hi\r\n+14155550100,Ho\r\n",
        b"destination;text\n+6598765432;Hi\n+14155550100;Ho",
        b"destination\ttext\n+6598765432\tHi\n+14155550100\tHo",
        b"text|Destination\nHi|+6598765432\nHo|+14155550100",
        b'"destination","text"\n"+6598765432","Hi"\n\n"+14155550100","Ho"\n\n',
        b" Destination , TEXT \n +6598765432 ,Hi\n,\n+14155550100 ,Ho\n",
    ],
    ids=["lf", "bom crlf", "semicolon", "tab", "pipe", "quoted, empty lines", "blanks around, blank row"],
)
def test_the_usual_ways_to_write_a_csv_mean_the_same(data: bytes) -> None:
    assert [(r.destination, r.text) for r in csv_requests(data)] == [(A, "Hi"), (B, "Ho")]


def test_columns_are_fields_in_snake_or_camel_case_and_empty_cells_are_left_out() -> None:
    (request,) = csv_requests(
        b"destination,text,clientMessageId,dlr_callback_url,Client IP,scheduled,track,encoding\n"
        b"+6598765432,  Hi ,a1,https://example.com/x,,2026-11-08T09:00:00+08:00,None,UCS2\n"
    )
    assert request.text == "  Hi "  # texts are not trimmed
    assert (request.client_message_id, request.dlr_callback_url) == ("a1", "https://example.com/x")
    assert (request.client_ip, request.source) == (None, None)
    assert request.scheduled == datetime(2026, 11, 8, 1, 0, tzinfo=UTC)
    assert (request.track, request.encoding) == ("None", "UCS2")


def test_defaults_hold_for_rows_that_leave_the_field_out() -> None:
    requests = csv_requests(b"destination,text,source\n+6598765432,Hi,\n+6598765432,Hi,OWN\n", source="ACME")
    assert [request.source for request in requests] == ["ACME", "OWN"]


def test_a_quoted_cell_may_hold_line_ends_and_rows_know_their_line() -> None:
    rows = read(CsvRows(converter(), multiline=True), b'destination,text\n+6598765432,"a\nb"\n+6598765432,c\n')
    assert [(r.number, r.line, r.request.text) for r in rows if isinstance(r, Row)] == [(1, 2, "a\nb"), (2, 4, "c")]


def test_placeholders_are_filled_from_any_column_and_empty_ones_are_noted() -> None:
    rows = read(CsvRows(converter("Hi {name}")), b"destination,name,age\n+6598765432,Ann,3\n+6598765432,,4\n")
    assert [(r.request.text, r.blanks) for r in rows if isinstance(r, Row)] == [("Hi Ann", ()), ("Hi ", ("name",))]


def test_columns_that_nothing_is_made_of_are_told() -> None:
    reader = CsvRows(converter("Hi {name}"))
    read(reader, b"destination,name,age,city\n+6598765432,Ann,3,Rome\n")
    assert reader.unused == ["age", "city"]


@pytest.mark.parametrize(
    ("number", "named"),
    [
        ("+65 9123 4567", True),
        ("(+65) 9123-4567", True),
        ("006591234567", True),
        ("tel:+6591234567", True),
        ("+65 9123 456x", False),
        ("+65 9123 4567 / +65 9123 4568", False),
        ("6.5E+09", False),
        ("091234567", False),  # in national form, without a country
    ],
)
def test_a_number_that_can_be_cleaned_names_the_option(number: str, named: bool) -> None:
    [problem] = read(CsvRows(converter()), HEAD + f'"{number}",Hi\n'.encode())
    assert isinstance(problem, Problem)
    assert ("--clean-numbers" in problem.rule) is named, problem.rule


@pytest.mark.parametrize(
    ("data", "text", "expected"),
    [
        (b"", None, ["1: the file is empty"]),
        (b"\n\n", None, ["1: the file is empty"]),
        (b"+6598765432,Hi\n", None, ["1: there is no column named destination"]),
        (b"destinaton,text\n", None, ["1: column 1 is named 'destinaton'; did you mean 'destination'?", "1: there is"]),
        (b"destination,text,sheduled\n", None, ["1: column 3 is named 'sheduled'; did you mean 'scheduled'?"]),
        (b"destination,text,client_id\n", None, []),
        (b"destination,text,text2\n", None, []),  # not a typing mistake: the field itself exists, too
        (b"destination,text,Text\n", None, ["1: text: column 3 has the same name"]),
        (b"destination,text,a,a\n", None, ["1: column 4 has the same name"]),
        (b"destination\n", None, ["1: there is no column named text, and no option --text"]),
        (b"destination,text\n", "Hi", ["1: a text is given here and by --text"]),
        (b"destination,text\n", "Hi {text}", []),
        (
            b"destination,name\n",
            "Hi {nme}",
            ["1: --text has the placeholder {nme}, but there is no column of that name"],
        ),
        (HEAD + b"98765,Hi\n+6598765432,Hi\n,Hi\n", None, ["2 (row 1): destination: must be", "4 (row 3): destin"]),
        (HEAD + b"+6598765432,\n", None, ["2 (row 1): text: is required"]),
        (HEAD + b"+6598765432,Hi,x\n+6598765432\n", None, ["2 (row 1): has 3 cells", "3 (row 2): has 1 cell,"]),
        (HEAD + b"+6598765432,H\xe9\n+6598765432,Hi\n", None, ["2 (row 1): contains bytes that are not UTF-8"]),
        (b"destination,text,n\xe9\n+6598765432,Hi,x\n", None, ["1: contains bytes that are not UTF-8"]),
        (b"\xff\xfed\0e\0", None, ["1: the file is UTF-16"]),
        (HEAD + b"+6598765432,H\0i\n", None, ["2: contains a zero byte"]),
        (HEAD + b'+6598765432,"Hi\n+6598765432,Hi\n', None, ["2: a quoted cell has no closing quote"]),
        (HEAD + b'+6598765432,"Hi"x\n', None, ["2: is not CSV"]),
        (b"destination,text\r+6598765432,Hi\r", None, ["1: contains a carriage return"]),
        (HEAD + b"x" * (MAX_LINE + 1), None, ["2: is too long for a row"]),
    ],
)
def test_csv_complaints(data: bytes, text: str | None, expected: list[str]) -> None:
    found = complaints(CsvRows(converter(text)), data)
    assert len(found) == len(expected), found
    for one, beginning in zip(found, expected, strict=True):
        assert one.startswith(beginning), (one, beginning)


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("scheduled", "tomorrow", "must be ISO 8601"),
        ("scheduled", "2026-11-08T09:00:00", "must be ISO 8601 with an offset"),
        ("scheduled", "2026-11-15T12:00:00Z", "must be at most 7 days ahead"),
        ("expiry", "1", "must be ISO 8601"),
        ("encoding", "utf-8", "must be one of"),
        ("track", "yes", "must be one of"),
        ("source", "x" * 17, "must be at most 16"),
        ("country", "SGP", "must be a two-letter"),
        ("dlr_callback_url", "example.com", "must be an absolute"),
        ("client_ip", "10.0.0.256", "must be an IPv4"),
        ("client_message_id", "x" * 351, "must be at most 350"),
    ],
)
def test_every_field_is_checked_and_its_value_kept_out_of_the_complaint(field: str, value: str, rule: str) -> None:
    (found,) = complaints(CsvRows(converter()), f"destination,text,{field}\n+6598765432,Hi,{value}\n".encode())
    assert found.startswith(f"2 (row 1): {field}: {rule}")
    assert len(value) < 2 or value not in found


def test_jsonl_keys_are_fields_and_numbers_fill_placeholders_as_they_are_written() -> None:
    data = (
        b'\xef\xbb\xbf{"destination": "+6598765432", "clientMessageId": "a", "source": null, "price": 12.50}\r\n'
        b"\n"
        b'{"price": "3", "destination": " +14155550100 ", "age": 3}\n'
    )
    reader = JsonlRows(converter("Pay {price}"))
    rows = [row for row in read(reader, data) if isinstance(row, Row)]
    assert [(r.number, r.line, r.request.destination, r.request.text) for r in rows] == [
        (1, 1, A, "Pay 12.50"),
        (2, 3, B, "Pay 3"),
    ]
    assert rows[0].request.client_message_id == "a"
    assert reader.unused == ["age"]


GOOD = b'"destination": "+6598765432", "text": "Hi"'


@pytest.mark.parametrize(
    ("line", "text", "expected"),
    [
        (b"{", None, "1 (row 1): is not JSON"),
        (b"[" * 100_000, None, "1 (row 1): is JSON that is nested too deeply"),
        (b"[]", None, "1 (row 1): must be a JSON object"),
        (b'{"destination": 6598765432, "text": "Hi"}', None, "1 (row 1): destination: must be a string in quotes"),
        (b'{"destination": ["+6598765432"], "text": "Hi"}', None, "1 (row 1): destination: must be a string"),
        (b'{"text": "Hi"}', None, "1 (row 1): destination: is missing"),
        (b'{"destination": "+6598765432"}', None, "1 (row 1): text: is required"),
        (b"{" + GOOD + b', "sorce": "A"}', None, "1 (row 1): has a key 'sorce'; did you mean 'source'?"),
        (b"{" + GOOD + b', "text": "Ho"}', None, "1 (row 1): has a key twice"),
        (b"{" + GOOD + b', "Text": "Ho"}', None, "1 (row 1): text: is given twice"),
        (b"{" + GOOD + b', "x": NaN}', None, "1 (row 1): is not JSON: NaN"),
        (b"{" + GOOD + b"}", "Hi", "1 (row 1): a text is given here and by --text"),
        (b'{"destination": "+6598765432"}', "Hi {name}", "1 (row 1): --text has the placeholder {name}"),
        (b'{"destination": "+6598765432", "name": {}}', "Hi {name}", "1 (row 1): the value for the placeholder {name}"),
        (b'{"destination": "+6598765432", "text": "\xe9"}', None, "1 (row 1): contains bytes that are not UTF-8"),
        (b'{"destination": "+6598765432", "text": "\\ud800"}', None, "1 (row 1): text: contains half of a surrogate"),
    ],
)
def test_jsonl_complaints(line: bytes, text: str | None, expected: str) -> None:
    (found,) = complaints(JsonlRows(converter(text)), line + b"\n")
    assert found.startswith(expected), found


def test_the_first_twenty_complaints_are_kept_and_all_are_counted() -> None:
    checked = check_rows(CsvRows(converter()).read([HEAD, *[b"98,Hi\n"] * 1000, b"+6598765432,Hi\n"]))
    assert (len(checked.problems), checked.wrong, checked.rows) == (20, 1000, 1)


def test_checking_a_file_holds_no_rows() -> None:
    """Counts objects: during the check of a million rows, only a few requests exist at one time."""
    alive = peak = 0

    class Line(bytes):
        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def lines() -> object:
        nonlocal alive, peak
        yield HEAD
        for _ in range(20_000):
            alive += 1
            peak = max(peak, alive)
            yield Line(b"+6598765432,Hi\n")

    assert check_rows(CsvRows(converter()).read(lines())).rows == 20_000  # type: ignore[arg-type]
    assert peak <= 3
