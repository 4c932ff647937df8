"""Deliveries of accepted messages, from 8x8's log and from receipts in any order, are kept in the journal."""

from __future__ import annotations

import itertools
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from shared_sandbox import emptied

from eightbyeight_async import SmsRequest
from eightbyeight_async.bulk import (
    Campaign,
    Delivery,
    JournalError,
    JournalInUseError,
    deliveries,
    feed_receipts,
    read_rows,
)
from eightbyeight_async.bulk.judging.deliveries import delivery_of_log_row, delivery_of_receipt, merged
from eightbyeight_async.bulk.settling import deliveries as asking
from eightbyeight_async.errors import InvalidRequestError, LogExportError
from eightbyeight_async.sandbox import Sandbox
from eightbyeight_async.sandbox.messages.delivery_status import Delivery as Fate
from eightbyeight_async.sms import SmsOperations
from eightbyeight_async.webhooks import DeliveryReceipt, DeliveryStatus, Price

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from pathlib import Path

pytestmark = pytest.mark.anyio
FATES = ("delivered", "delivered_to_operator", "undelivered", "rejected_by_operator", "unconfirmed")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"  # logs are the same on both event loops


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    emptied(running)
    running.exports.polls = 0
    return running


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "run.db"


def people(count: int = len(FATES), **more: Any) -> list[SmsRequest]:
    ids = more.pop("ids", True)
    return [
        SmsRequest(destination=f"+659123000{n}", text="Hi", client_message_id=f"m{n}" if ids else None, **more)
        for n in range(count)
    ]


def fates(sandbox: Sandbox, **more: Any) -> None:
    for n, fate in enumerate(FATES):
        sandbox.deliveries.on_destination(f"+659123000{n}", Fate(outcome=fate, **more))  # type: ignore[arg-type]


async def sent(sandbox: Sandbox, journal: Path, messages: list[SmsRequest], **options: Any) -> None:
    async with sandbox.client() as client, Campaign(client, journal, **options) as campaign:
        assert (await campaign.send(messages)).accepted == len(messages)


async def asked(sandbox: Sandbox, journal: Path) -> tuple[list[int], Any]:
    """Calls `deliveries`. Returns the sizes of the exports that it requested, and the counts."""
    exports: list[int] = []
    async with sandbox.client() as client, Campaign(client, journal) as campaign:
        return exports, await campaign.deliveries(on_export=exports.append)


def outcomes(journal: Path) -> list[str | None]:
    return [None if row.delivery is None else row.delivery.outcome for row in read_rows(journal)]


@pytest.mark.parametrize("mode", ["each", "batch"])
@pytest.mark.parametrize("ids", [True, False])
async def test_the_log_tells_what_became_of_each_message(sandbox: Sandbox, journal: Path, mode: str, ids: bool) -> None:
    fates(sandbox)
    await sent(sandbox, journal, people(ids=ids), mode=mode, max_concurrency=1)
    before = deliveries(journal)
    assert (before.accepted, before.no_news, before.known) == (5, 5, False)
    exports, found = await asked(sandbox, journal)
    assert exports == [5]
    assert found == deliveries(journal)
    counts = found.as_dict()
    assert {name: counts[name] for name in ("read", "delivered", "with_operator", "undelivered", "on_its_way")} == {
        "read": 0, "delivered": 1, "with_operator": 1, "undelivered": 2, "on_its_way": 1,
    }  # fmt: skip
    assert (found.no_news, found.parts, found.priced) == (0, 5, 5)
    assert len(found.prices) == 1
    assert sum(found.prices.values()) > 0
    assert outcomes(journal) == ["delivered", "with_operator", "undelivered", "undelivered", "on_its_way"]
    failed = [row.delivery for row in read_rows(journal)][2]
    assert failed is not None
    assert (failed.country, failed.code, failed.reason) == ("SG", "14", "the handset cannot be reached")
    assert failed.operator


async def test_only_what_is_not_known_is_asked_for_again(sandbox: Sandbox, journal: Path) -> None:
    sandbox.deliveries.default = Fate(final_after=60)
    sandbox.deliveries.on_destination("+6591230000", Fate())
    await sent(sandbox, journal, people(3))
    assert (await asked(sandbox, journal))[1].on_its_way == 2
    sandbox.clock.advance(61)
    exports, found = await asked(sandbox, journal)
    assert (exports, found.delivered) == ([2], 3)
    assert await asked(sandbox, journal) == ([], found)


async def test_what_is_scheduled_or_cancelled_is_not_asked_for(sandbox: Sandbox, journal: Path) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    await sent(sandbox, journal, [*people(1), *people(3, scheduled=later)[1:]])
    async with sandbox.client() as client, Campaign(client, journal) as campaign:
        await client.sms.cancel([row.umid async for row in campaign.rows()][1] or "")
        await campaign.cancel()
    exports, found = await asked(sandbox, journal)
    assert exports == [1]
    assert (found.accepted, found.delivered) == (2, 1)  # one was too late to cancel: it was cancelled elsewhere


async def test_an_interrupted_look_up_keeps_what_it_found(
    sandbox: Sandbox, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sent(sandbox, journal, people(5))
    whole = SmsOperations.iter_log_rows

    async def broken(self: SmsOperations, *args: Any, **more: Any) -> AsyncIterator[Mapping[str, str]]:
        number = 0
        async for row in whole(self, *args, **more):
            if number == 3:
                raise LogExportError("job", "broke off")
            number += 1
            yield row

    monkeypatch.setattr(asking, "_PAGE", 1)
    monkeypatch.setattr(SmsOperations, "iter_log_rows", broken)
    with pytest.raises(LogExportError):
        await asked(sandbox, journal)
    assert deliveries(journal).delivered == 3
    monkeypatch.setattr(SmsOperations, "iter_log_rows", whole)
    exports, found = await asked(sandbox, journal)
    assert (exports, found.delivered) == ([2], 5)


async def test_the_log_is_asked_a_day_of_claims_at_a_time(sandbox: Sandbox, journal: Path) -> None:
    await sent(sandbox, journal, people(4))
    with closing(sqlite3.connect(journal, isolation_level=None)) as book:
        book.execute("UPDATE message SET claimed=claimed-3*86400 WHERE place=0")
        book.execute("UPDATE message SET claimed=claimed-3*86400+60 WHERE place=1")
    exports, found = await asked(sandbox, journal)
    assert exports == [4, 2]
    assert found.delivered == 4


# --- receipts


def receipt(state: str, at: int | None, n: int = 0, umid: str = "u", **more: Any) -> DeliveryReceipt:
    moment = None if at is None else datetime(2026, 11, 26, 12, 0, at, tzinfo=UTC)
    given = {"client_message_id": f"m{n}", **more}
    detail = given.pop("detail", None)
    error = {name: given.pop(name, None) for name in ("error_code", "error_message")}
    status = DeliveryStatus(state=state, detail=detail, timestamp=moment, **error)
    return DeliveryReceipt(namespace="SMS", umid=umid, status=status, **given)


STORY = [
    receipt("queued", 1),
    receipt("sent", 2, sms_count=2),
    receipt("delivered", 3, detail="delivered_to_operator", price=Price(total=Decimal("0.07"), currency="EUR")),
    receipt("undelivered", 4, error_code=14, error_message="no handset"),
]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_the_order_of_receipts_does_not_matter(order: tuple[int, ...]) -> None:
    found: Delivery | None = None
    for at in (*order, order[0]):  # the first receipt comes twice
        found = merged(found, [delivery_of_receipt(STORY[at])])
    assert found == merged(None, [delivery_of_receipt(one) for one in STORY])
    assert found is not None
    assert (found.outcome, found.code, found.parts, found.price, found.currency) == (
        "undelivered", "14", 2, Decimal("0.07"), "EUR",
    )  # fmt: skip


async def umids(journal: Path) -> list[str]:
    return [row.umid or "" for row in sorted(read_rows(journal), key=lambda row: row.place)]


async def test_receipts_are_kept_by_the_campaign_and_by_a_process_without_a_client(
    sandbox: Sandbox, journal: Path
) -> None:
    await sent(sandbox, journal, people(4), max_concurrency=1)
    first, second, third, fourth = await umids(journal)
    async with sandbox.client() as client, Campaign(client, journal) as campaign:
        assert await campaign.feed(receipt("delivered", 5, umid=first)) == 1
        assert await campaign.feed([receipt("sent", 2, umid=first), receipt("undelivered", 9, 1, second)]) == 2
        assert await campaign.feed([]) == 0
        with pytest.raises(JournalInUseError):
            feed_receipts(journal, receipt("delivered", 5, umid=first))
        with pytest.raises(InvalidRequestError, match="must be a DeliveryReceipt"):
            await campaign.feed(["delivered"])  # type: ignore[list-item]
    assert feed_receipts(str(journal), [receipt("delivered", 5, 2, third.upper())]) == 1
    assert feed_receipts(journal, receipt("delivered", 5, umid=fourth, client_message_id=None)) == 1
    assert outcomes(journal) == ["delivered", "undelivered", "delivered", "delivered"]
    assert (await asked(sandbox, journal))[0] == []


async def test_receipts_of_other_messages_are_dropped(sandbox: Sandbox, journal: Path) -> None:
    await sent(sandbox, journal, people(2), max_concurrency=1)
    (umid, _), strangers = await umids(journal), "another-umid"
    others = [
        receipt("delivered", 5, umid=strangers),  # this message's id with the umid of another message
        receipt("delivered", 5, 77, umid),
        receipt("delivered", 5, umid=strangers, client_message_id=None),
        receipt("delivered", 5, umid=strangers, client_message_id="'); DROP TABLE message"),
    ]
    assert feed_receipts(journal, others) == 0
    assert deliveries(journal).no_news == 2
    with pytest.raises(JournalError, match="there is none at this path"):
        feed_receipts(journal.with_name("none.db"), others)


async def test_no_number_gets_into_the_journal(sandbox: Sandbox, journal: Path) -> None:
    await sent(sandbox, journal, people(1, ids=False))
    (umid,) = await umids(journal)
    told = receipt(
        "undelivered", 9, umid=umid, client_message_id=None, destination="+6591230000", detail="to 6591230000",
        error_code="6591230000", error_message="+6591230000 cannot be reached",
    )  # fmt: skip
    assert feed_receipts(journal, told) == 1
    (row,) = read_rows(journal)
    assert row.delivery is not None
    assert row.delivery.reason == "+65******00 cannot be reached"
    assert all(b"91230000" not in path.read_bytes() for path in journal.parent.iterdir())


async def test_an_older_journal_is_read_and_goes_on(sandbox: Sandbox, journal: Path) -> None:
    await sent(sandbox, journal, people(2))
    with closing(sqlite3.connect(journal, isolation_level=None)) as book:
        tables = {name for (name,) in book.execute("SELECT name FROM sqlite_master WHERE type='table'")}
        assert "delivery" not in tables
        book.execute("PRAGMA user_version=" + str(book.execute("PRAGMA user_version").fetchone()[0] - 2))  # a 2
    assert deliveries(journal).no_news == 2
    assert outcomes(journal) == [None, None]
    assert (await asked(sandbox, journal))[1].delivered == 2
    assert outcomes(journal) == ["delivered", "delivered"]


async def test_the_delivery_of_a_message_that_was_sent_again_is_that_of_its_new_umid(
    sandbox: Sandbox, journal: Path
) -> None:
    await sent(sandbox, journal, people(1))
    (umid,) = await umids(journal)
    feed_receipts(journal, receipt("undelivered", 9, umid=umid))
    with closing(sqlite3.connect(journal, isolation_level=None)) as book:
        book.execute("UPDATE message SET umid='the-second'")
    assert outcomes(journal) == [None]
    assert deliveries(journal).no_news == 1
    feed_receipts(journal, receipt("delivered", 2, umid="the-second"))
    assert outcomes(journal) == ["delivered"]


@pytest.mark.parametrize(
    ("cells", "so"),
    [
        ({}, None),
        ({"umid": "u"}, None),
        ({"umid": " ", "status_value": "sent"}, None),
        ({"umid": "u", "status_value": "DELIVERED", "price_total": "0.10"}, ("delivered", Decimal("0.10"), None)),
        ({"umid": "u", "status_value": "failed", "price_total": "much"}, ("undelivered", None, None)),
        ({"umid": "u", "status_value": "sent", "price_total": "NaN"}, ("on_its_way", None, None)),
        ({"umid": "u", "status_value": "sent", "price_total": "1E+99"}, ("on_its_way", None, None)),
        ({"umid": "u", "status_value": "flying", "smscount": "3"}, ("on_its_way", None, 3)),
        ({"umid": "u", "status_value": "read", "smscount": "-1", "status_timestamp": "?"}, ("read", None, None)),
    ],
)
def test_rows_of_a_log_that_are_odd(cells: dict[str, str], so: tuple[object, ...] | None) -> None:
    found = delivery_of_log_row(cells)
    assert (None if found is None else (found.outcome, found.price, found.parts)) == so
