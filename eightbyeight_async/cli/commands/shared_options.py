"""Options that several commands share: how to reach the API, and the fields of a message.

No `from __future__ import annotations` here: cyclopts reads the annotations when the commands are made.
There is no option for the API key itself: it would stay in the shell's history and be seen by `ps`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter

from eightbyeight_async.calls.times import MAX_AHEAD, check_times
from eightbyeight_async.cli.exit_codes import UsageError
from eightbyeight_async.cli.reading.field_names import value_of
from eightbyeight_async.cli.terminal.loop_and_signals import now
from eightbyeight_async.client import AsyncConnectClient
from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.models.sms import SmsRequest
from eightbyeight_async.retry import RetryPolicy

__all__ = [
    "CAMPAIGN",
    "FILE",
    "FLAG",
    "MESSAGE",
    "OUTPUT",
    "SPEED",
    "AsJson",
    "ConnectionOptions",
    "DryRun",
    "Duplicates",
    "FileGiven",
    "FileOptions",
    "LongText",
    "MessageFields",
    "OnePerNumber",
    "RecordOptions",
    "as_option",
    "check_option_times",
]

# In the order of a command's help.
CAMPAIGN, FILE, MESSAGE, SPEED, OUTPUT = (
    Group.create_ordered(name) for name in ("Campaign", "File", "Message", "Speed", "Output")
)
FLAG = Parameter(negative=(), show_default=False, group=OUTPUT)
AsJson = Annotated[bool, FLAG, Parameter(name="--json", help="Print a JSON object.")]
DryRun = Annotated[bool, FLAG, Parameter(help="Check everything, say what would be sent, send nothing.")]
Duplicates = Annotated[
    Literal["skip", "send"],
    Parameter(
        help="A row with the same number, text, sender and time as a row before it: skip it, or send it.", group=FILE
    ),
]
OnePerNumber = Annotated[
    bool,
    Parameter(negative=(), show_default=False, help="Send only the first message to each number.", group=FILE),
]
LongText = Annotated[
    Literal["warn", "refuse", "allow"],
    Parameter(help="When a text takes more than 10 parts: the platform truncates it and sends.", group=MESSAGE),
]
FileGiven = Annotated[
    str, Parameter(help="CSV with a header, or JSONL; - for stdin.", group=FILE, allow_leading_hyphen=True)
]
CONNECTION = Group.create_ordered("Connection", help="The API key is read from EIGHTBYEIGHT_API_KEY.")


@Parameter(name="*", group=CONNECTION)
@dataclass(frozen=True, kw_only=True)
class ConnectionOptions:
    """Where the API is and who asks. What is not given comes from the environment, as the client has it."""

    api_key_file: Annotated[
        Path | None, Parameter(help="A file that holds the API key, instead of EIGHTBYEIGHT_API_KEY.")
    ] = None
    subaccount_id: Annotated[str | None, Parameter(help="Else EIGHTBYEIGHT_SUBACCOUNT_ID.")] = None
    region: Annotated[
        str | None,
        Parameter(
            help="asia-pacific, north-america, europe or indonesia; else EIGHTBYEIGHT_REGION, else asia-pacific."
        ),
    ] = None
    sms_base_url: Annotated[str | None, Parameter(help="Instead of the region's host; EIGHTBYEIGHT_SMS_BASE_URL.")] = (
        None
    )
    chatapps_base_url: Annotated[
        str | None, Parameter(help="Instead of the region's host; EIGHTBYEIGHT_CHATAPPS_BASE_URL.")
    ] = None
    timeout: Annotated[float, Parameter(help="Seconds for each phase of a request.")] = 30.0
    max_attempts: Annotated[int, Parameter(help="Tries when the API has an internal error (2000 to 2999).")] = 4

    def client(self, *, max_concurrency: int = 100, max_rate: float | None = None) -> AsyncConnectClient:
        """
        Raises:
            InvalidRequestError: a setting is missing or breaks its rule.
            UsageError: the key file cannot be read.
        """
        return AsyncConnectClient(
            self._key(),
            self.subaccount_id,
            region=self.region,
            sms_base_url=self.sms_base_url,
            chatapps_base_url=self.chatapps_base_url,
            timeout=self.timeout,
            retry=RetryPolicy(max_attempts=self.max_attempts),
            max_concurrency=max_concurrency,
            max_rate=max_rate,
            long_text="allow",  # the commands look at texts themselves, before anything is sent
        )

    def _key(self) -> str | None:
        if self.api_key_file is None:
            return None
        try:
            key = self.api_key_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as wrong:
            why = (wrong.strerror if isinstance(wrong, OSError) else None) or "cannot be read"
            raise UsageError(f"--api-key-file {self.api_key_file}: {why}") from wrong
        if not key:
            raise UsageError(f"--api-key-file {self.api_key_file}: is empty")
        return key


@Parameter(name="*", group=MESSAGE)
@dataclass(frozen=True, kw_only=True)
class MessageFields:
    """Fields of a message but for number, text and reference."""

    source: Annotated[str | None, Parameter(help="The sender id, at most 16 characters.")] = None
    country: Annotated[str | None, Parameter(help="Two letters, for numbers in national format.")] = None
    encoding: Annotated[Literal["AUTO", "GSM7", "UCS2"] | None, Parameter(help="Of the text; else AUTO.")] = None
    scheduled: Annotated[
        str | None,
        Parameter(
            alias="--schedule",
            help="When to send, ISO 8601 with an offset (2026-11-07T19:20:30+08:00), at most 7 days ahead.",
        ),
    ] = None
    expiry: Annotated[str | None, Parameter(help="When it is too late to send, ISO 8601 with an offset.")] = None
    dlr_callback_url: Annotated[str | None, Parameter(help="Where 8x8 sends delivery receipts.")] = None
    client_ip: Annotated[str | None, Parameter(help="The end user's address, for 8x8's limits.")] = None
    track: Annotated[
        Literal["None", "Outcome"] | None, Parameter(help="Conversion tracking; else as the sub-account is set.")
    ] = None

    def values(self) -> dict[str, object]:
        """What was given, by field.

        Raises:
            UsageError: a value breaks its field's rule; names the option.
        """
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        try:
            values: dict[str, Any] = {name: value_of(name, text) for name, text in given.items() if text is not None}
            SmsRequest(destination="+10000000", **values)
        except InvalidRequestError as wrong:
            raise UsageError(f"{as_option(wrong.field)}: {wrong.reason}") from wrong
        return values


def check_option_times(values: Mapping[str, Any]) -> None:
    """The times among `MessageFields.values()`, before a file is read: one line, not one a row.

    Raises:
        UsageError: names the option.
    """
    try:
        check_times(values.get("scheduled"), values.get("expiry"), now(), ahead=MAX_AHEAD)
    except InvalidRequestError as wrong:
        raise UsageError(f"{as_option(wrong.field)}: {wrong.reason}") from wrong


@Parameter(name="*", group=FILE)
@dataclass(frozen=True, kw_only=True)
class FileOptions:
    """How a file of messages is to be read."""

    text: Annotated[
        str | None,
        Parameter(
            help="The text of every message; {column} is filled in from the row.",
            allow_leading_hyphen=True,
        ),
    ] = None
    file_format: Annotated[
        Literal["csv", "jsonl"] | None, Parameter(name="--format", help="Else by the file's name.")
    ] = None
    delimiter: Annotated[
        str | None, Parameter(help="What separates the cells of a CSV, or the word tab; else found out.")
    ] = None


@Parameter(name="*", group=OUTPUT)
@dataclass(frozen=True, kw_only=True)
class RecordOptions:
    """Where the records of the messages go."""

    output: Annotated[Path | None, Parameter(help="Where the records go; else to stdout.")] = None
    force: Annotated[bool, FLAG, Parameter(help="Overwrite --output.")] = False
    include_private: Annotated[bool, FLAG, Parameter(help="Numbers and texts in the records.")] = False


def as_option(field: str) -> str:
    """`dlr_callback_url` -> `--dlr-callback-url`."""
    return "--" + field.replace("_", "-")
