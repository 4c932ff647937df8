"""Asks 8x8's log what became of the accepted messages, and adds receipts to the same table.

Each request to the log covers one day of claims, and each page of rows is committed. So an interrupted look-up keeps
what it found, and the next look-up asks only for messages whose delivery is not known yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from eightbyeight_async.bulk.judging.deliveries import Deliveries, Delivery, delivery_of_log_row, delivery_of_receipt
from eightbyeight_async.models.webhooks import DeliveryReceipt
from eightbyeight_async.receipt_folding import checked_receipt

if TYPE_CHECKING:
    from collections.abc import Callable

    from eightbyeight_async.bulk.judging.message_keys import Keys
    from eightbyeight_async.bulk.store.interface import DeliveryStore
    from eightbyeight_async.bulk.store.writer_thread import Writer
    from eightbyeight_async.client import AsyncConnectClient

__all__ = ["as_receipts", "ask_for_deliveries", "note_receipts"]

_PAGE = 1_000
_DAY = 86_400.0
_MARGIN = timedelta(hours=2)  # added on both sides, because clocks differ


async def ask_for_deliveries(
    client: AsyncConnectClient,
    writer: Writer,
    keys: Keys,
    *,
    now: Callable[[], float],
    patience: float,
    on_export: Callable[[int], object],
) -> Deliveries:
    """See `Campaign.deliveries`."""
    from eightbyeight_async.models.log_export import LogExportRequest  # noqa: PLC0415 - few need it

    after = 0.0
    while True:
        asked_at = now()
        found = await writer.do(
            lambda store: store.open_deliveries(after, asked_at),  # noqa: B023 - awaited here
            writes=True,
        )
        if not found.number:
            return await writer.do(lambda store: store.deliveries())
        on_export(found.number)
        after = min(found.first + _DAY, found.last)
        # The clock may have been wrong at the claim: begin must not be later than end.
        begin = max(min(found.first, asked_at), 0.0)
        job = await client.sms.start_log_export(
            LogExportRequest(from_=_moment(begin) - _MARGIN, to=_moment(max(after, begin)) + _MARGIN)
        )
        page: list[tuple[int, str, Delivery]] = []
        async for row in client.sms.iter_log_rows(job, patience=patience):
            page += _news_of(row, keys)
            if len(page) >= _PAGE:
                await _note(writer, page)
                page = []
        await _note(writer, page)


async def _note(writer: Writer, page: Sequence[tuple[int, str, Delivery]]) -> None:
    if page:
        await writer.do(lambda store: store.note_deliveries(page), writes=True)


def note_receipts(book: DeliveryStore, keys: Keys, receipts: Sequence[DeliveryReceipt]) -> int:
    """Adds receipts to a store. Returns the number of the store's messages that the receipts are about."""
    news, bare = [], []
    for receipt in receipts:
        one = delivery_of_receipt(receipt)
        if receipt.client_message_id is None:
            bare.append(one)
        else:
            news += _under(receipt.client_message_id, one, keys)
    if bare:
        places = book.keys_of_umids([one.umid for one in bare])
        news += [(*places[one.umid], one) for one in bare if one.umid in places]
    return book.note_deliveries(news)


def as_receipts(given: DeliveryReceipt | Iterable[DeliveryReceipt]) -> list[DeliveryReceipt]:
    """Returns one receipt or several as a list.

    Raises:
        InvalidRequestError: an item is not a receipt.
    """
    receipts = [given] if isinstance(given, DeliveryReceipt) or not isinstance(given, Iterable) else list(given)
    for one in receipts:
        checked_receipt(one)
    return receipts


def _news_of(row: Mapping[str, str], keys: Keys) -> list[tuple[int, str, Delivery]]:
    """Returns what a row of the log says, once for each key that its id can have in the journal. Pure."""
    reference, one = row.get("clientmessageid", ""), delivery_of_log_row(row)
    return [] if one is None or not reference.strip() else _under(reference, one, keys)


def _under(reference: str, one: Delivery, keys: Keys) -> list[tuple[int, str, Delivery]]:
    return [(keys.hash_of(key), key, one) for key in keys.candidates(reference)]


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
