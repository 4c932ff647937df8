"""Options that several commands share: how to reach the API, how to read a file, the fields of a message.

Rules:
- No `from __future__ import annotations` here: cyclopts reads the annotations when the commands are created.
- Modules that a command needs, but its `--help` does not, are imported where they are used.
- There is no option for the API key itself: it would stay in the shell's history, and `ps` would show it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Group, Parameter

from eightbyeight_async.cli.exit_codes import UsageError
from eightbyeight_async.cli.reading.field_names import value_of
from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.models.sms import Encoding, SmsRequest

if TYPE_CHECKING:
    from eightbyeight_async.client import AsyncConnectClient

__all__ = [
    "CAMPAIGN",
    "ENCODINGS",
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
    "LongText",
    "MessageFields",
    "OnePerNumber",
    "RecordOptions",
    "RequirePlus",
    "as_option",
    "check_option_times",
]

# The groups of options, in the order in which `--help` shows them.
CAMPAIGN, FILE, MESSAGE, SPEED, OUTPUT = (
    Group.create_ordered(name) for name in ("Campaign", "File", "Message", "Speed", "Output")
)
ENCODINGS = tuple(Encoding)  # encodings of messages
FLAG = Parameter(negative=(), show_default=False, group=OUTPUT)
AsJson = Annotated[bool, FLAG, Parameter(name="--json", help="Print a JSON object.")]
DryRun = Annotated[bool, FLAG, Parameter(help="Check everything and print what would be sent. Send nothing.")]
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
RequirePlus = Annotated[
    bool,
    Parameter(
        negative=(),
        show_default=False,
        help="Refuse the file if a number has no + and no country: its first digits would be the calling code.",
        group=FILE,
    ),
]
LongText = Annotated[
    Literal["warn", "refuse", "allow"],
    Parameter(
        help="For a text of more than 10 parts, which the platform truncates: warn, refuse it, or allow it.",
        group=MESSAGE,
    ),
]
FileGiven = Annotated[
    str,
    Parameter(
        help="CSV with a header, JSONL, .xlsx or .ods, also as .gz; - for stdin.", group=FILE, allow_leading_hyphen=True
    ),
]
CONNECTION = Group.create_ordered("Connection", help="The API key is read from EIGHTBYEIGHT_API_KEY.")


@Parameter(name="*", group=CONNECTION)
@dataclass(frozen=True, kw_only=True)
class ConnectionOptions:
    """How to reach the API. For options that are not given the client reads the environment."""

    api_key_file: Annotated[
        Path | None, Parameter(help="A file that contains the API key. Default: EIGHTBYEIGHT_API_KEY.")
    ] = None
    subaccount_id: Annotated[str | None, Parameter(help="The sub-account. Default: EIGHTBYEIGHT_SUBACCOUNT_ID.")] = None
    region: Annotated[
        str | None,
        Parameter(
            help="asia-pacific, north-america, europe or indonesia. Default: EIGHTBYEIGHT_REGION, else asia-pacific."
        ),
    ] = None
    sms_base_url: Annotated[
        str | None, Parameter(help="Base URL for SMS. Default: EIGHTBYEIGHT_SMS_BASE_URL, else the region's.")
    ] = None
    chatapps_base_url: Annotated[
        str | None, Parameter(help="Base URL for ChatApps. Default: EIGHTBYEIGHT_CHATAPPS_BASE_URL, else the region's.")
    ] = None
    timeout: Annotated[
        float, Parameter(help="Seconds for each phase of a request: connect, write, each wait for data.")
    ] = 30.0
    max_attempts: Annotated[
        int, Parameter(help="Attempts per request if the API reports an internal error (code 2000 to 2999).")
    ] = 4

    def client(
        self, *, max_concurrency: int = 100, max_rate: float | None = None, account_id: str | None = None
    ) -> "AsyncConnectClient":
        """A client with these options.

        Args:
            account_id: account for prices and balance; None: the account of the environment.
            max_concurrency: maximum number of requests in flight.
            max_rate: maximum number of requests per second; None: no limit.

        Raises:
            InvalidRequestError: a setting is missing or breaks its rule.
            UsageError: the key file cannot be read.
        """
        from eightbyeight_async.client import AsyncConnectClient
        from eightbyeight_async.retry import RetryPolicy

        return AsyncConnectClient(
            self._key(),
            self.subaccount_id,
            account_id=account_id,
            region=self.region,
            sms_base_url=self.sms_base_url,
            chatapps_base_url=self.chatapps_base_url,
            timeout=self.timeout,
            retry=RetryPolicy(max_attempts=self.max_attempts),
            max_concurrency=max_concurrency,
            max_rate=max_rate,
            long_text="allow",  # the commands check the length before anything is sent
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
    """The fields of a message, except number, text and reference."""

    source: Annotated[str | None, Parameter(help="The sender id, at most 16 characters.")] = None
    country: Annotated[str | None, Parameter(help="Two letters, for numbers in national format.")] = None
    encoding: Annotated[str | None, Parameter(help="Encoding of the text: AUTO, GSM7 or UCS2. Default: AUTO.")] = None
    scheduled: Annotated[
        str | None,
        Parameter(
            alias="--schedule",
            help="When to send, ISO 8601 with an offset (2026-11-07T19:20:30+08:00), at most 7 days ahead.",
        ),
    ] = None
    expiry: Annotated[
        str | None, Parameter(help="When the message is too old to be sent, ISO 8601 with an offset.")
    ] = None
    dlr_callback_url: Annotated[str | None, Parameter(help="Where 8x8 sends delivery receipts.")] = None
    client_ip: Annotated[str | None, Parameter(help="IP address of the end user, for 8x8's limits.")] = None
    track: Annotated[
        Literal["None", "Outcome"] | None,
        Parameter(help="Conversion tracking. Default: the setting of the sub-account."),
    ] = None

    def values(self) -> dict[str, object]:
        """Returns the values of the given options, by field.

        Raises:
            UsageError: a value breaks the rule of its field. The message names the option.
        """
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        try:
            values: dict[str, Any] = {name: value_of(name, text) for name, text in given.items() if text is not None}
            SmsRequest(destination="+10000000", **values)
        except InvalidRequestError as wrong:
            raise UsageError(f"{as_option(wrong.field)}: {wrong.reason}") from wrong
        return values


def check_option_times(values: Mapping[str, Any]) -> None:
    """Checks `--scheduled` and `--expiry` before a file is read: one error, not one per row.

    Args:
        values: the result of `MessageFields.values()`.

    Raises:
        UsageError: a time has passed or is too far ahead. The message names the option.
    """
    from eightbyeight_async.calls.times import MAX_AHEAD, check_times
    from eightbyeight_async.cli.terminal.loop_and_signals import now

    try:
        check_times(values.get("scheduled"), values.get("expiry"), now(), ahead=MAX_AHEAD)
    except InvalidRequestError as wrong:
        raise UsageError(f"{as_option(wrong.field)}: {wrong.reason}") from wrong


@Parameter(name="*", group=OUTPUT)
@dataclass(frozen=True, kw_only=True)
class RecordOptions:
    """Where and how to write the records."""

    output: Annotated[Path | None, Parameter(help="File for the records. Default: stdout.")] = None
    force: Annotated[bool, FLAG, Parameter(help="Overwrite --output.")] = False
    include_private: Annotated[bool, FLAG, Parameter(help="Include numbers and texts in the records.")] = False


def as_option(field: str) -> str:
    """`dlr_callback_url` -> `--dlr-callback-url`."""
    return "--" + field.replace("_", "-")
