"""The log as CSV, with the 24 columns of 8x8's OpenAPI file; it is made in pieces while it is sent."""

import csv
import io
import itertools
from collections.abc import Iterable, Iterator

from eightbyeight_async.sandbox.api.message_details import MASKED
from eightbyeight_async.sandbox.api.operation_results import status_timestamp
from eightbyeight_async.sandbox.messages.countries import international, masked_msisdn, place_of
from eightbyeight_async.sandbox.messages.delivery_status import LoggedStatus
from eightbyeight_async.sandbox.messages.message import SandboxMessage
from eightbyeight_async.sandbox.messages.part_count import CURRENCY, MAX_PARTS, PRICE_PER_PART, parts_of

COLUMNS = (
    "umid",
    "subaccountid",
    "direction",
    "country",
    "operator",
    "mcc",
    "mnc",
    "status_value",
    "status_details",
    "status_errorcode",
    "status_errormessage",
    "status_timestamp",
    "msisdn",
    "source",
    "encoding",
    "createdat",
    "smscount",
    "price_currency",
    "price_persms",
    "price_total",
    "clientmessageid",
    "clientbatchid",
    "batchid",
    "body",
)
OUTBOUND = "1"  # the column `direction`; "0" is inbound
ROWS_A_PIECE = 500  # about 150 KB; making a piece blocks the server for about 5 ms
_TOTALS = [str(PRICE_PER_PART * parts) for parts in range(MAX_PARTS + 1)]


def csv_pieces(rows: Iterable[tuple[SandboxMessage, LoggedStatus]]) -> Iterator[bytes]:
    """Yields the pieces of the file. The header comes first, so an empty log has one line."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    remaining = iter(rows)
    while True:
        writer.writerows(itertools.starmap(_row, itertools.islice(remaining, ROWS_A_PIECE)))
        piece = buffer.getvalue().encode()
        if not piece:
            return
        yield piece
        buffer.seek(0)
        buffer.truncate()


def _row(message: SandboxMessage, status: LoggedStatus) -> tuple[object, ...]:
    number = international(message.destination, message.country)
    place = place_of(number, message.country)
    parts = parts_of(message)
    return (  # csv writes None as an empty field
        message.umid,
        message.subaccount_id,
        OUTBOUND,
        place.country,
        place.operator,
        place.mcc,
        place.mnc,
        status.state,
        status.detail,
        status.error_code,
        status.error_message,
        status_timestamp(status.at),
        masked_msisdn(number),
        message.source,
        message.encoding,
        status_timestamp(message.accepted_at),
        parts,
        CURRENCY,
        str(PRICE_PER_PART),
        _TOTALS[parts],
        message.client_message_id,
        message.client_batch_id,
        message.batch_id,
        MASKED,
    )
