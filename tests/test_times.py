"""Which values of `scheduled` and `expiry` are refused before the message is sent, and which field the error names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import anyio
import pytest

from eightbyeight_async import (
    AsyncConnectClient,
    BatchChatAppsRequest,
    BatchSmsRequest,
    ChatAppsRequest,
    ChatAppsUser,
    InvalidRequestError,
    Sent,
    SmsRequest,
    SmsTemplate,
    TextContent,
)
from eightbyeight_async.calls import chatapps, sms, sms_batch
from eightbyeight_async.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def at(**ahead: float) -> datetime:
    return NOW + timedelta(**ahead)


def one(scheduled: datetime | None = None, expiry: datetime | None = None) -> SmsRequest:
    return SmsRequest(destination="+6598765432", text="x", scheduled=scheduled, expiry=expiry)


def chat(scheduled: datetime | None = None, expiry: datetime | None = None) -> ChatAppsRequest:
    user, content = ChatAppsUser(msisdn="+6598765432"), TextContent(text="x")
    return ChatAppsRequest(user=user, content=content, scheduled=scheduled, expiry=expiry)


# scheduled, expiry, the refused field (None: none is refused), and whether ChatApps accepts them anyway.
TABLE: list[tuple[datetime | None, datetime | None, str | None, bool]] = [
    (None, None, None, False),
    (at(), None, None, False),
    (at(days=7), None, None, False),
    (at(days=7, seconds=1), None, "scheduled", True),
    (at(days=400), at(days=401), "scheduled", True),
    # One minute is allowed for clocks that differ: the message goes out at once.
    (at(seconds=-5), None, None, False),
    (at(seconds=-60), None, None, False),
    (at(seconds=-61), None, "scheduled", False),
    (at(days=-1), None, "scheduled", False),
    (datetime.min.replace(tzinfo=UTC), None, "scheduled", False),
    (datetime.max.replace(tzinfo=UTC), None, "scheduled", True),
    (None, at(seconds=1), None, False),
    (None, at(), "expiry", False),
    (None, at(seconds=-1), "expiry", False),
    (None, datetime.min.replace(tzinfo=UTC), "expiry", False),
    (None, datetime.max.replace(tzinfo=UTC), None, False),
    (at(hours=1), at(hours=2), None, False),
    (at(hours=1), at(hours=1), "expiry", False),
    (at(hours=2), at(hours=1), "expiry", False),
    (at(seconds=-30), at(seconds=30), None, False),
    (at(seconds=-30), at(seconds=-10), "expiry", False),
    (at(days=-1), at(hours=1), "scheduled", False),
    # Offsets: 13:30 in Berlin is 12:30 UTC.
    (datetime(2026, 11, 26, 13, 30, tzinfo=BERLIN), at(minutes=31), None, False),
    (datetime(2026, 11, 26, 12, 30, tzinfo=BERLIN), None, "scheduled", False),
]


@pytest.mark.parametrize(("scheduled", "expiry", "field", "chatapps_takes_it"), TABLE)
def test_the_table_of_times(
    scheduled: datetime | None, expiry: datetime | None, field: str | None, chatapps_takes_it: bool
) -> None:
    chat_field = None if chatapps_takes_it else field
    template = SmsTemplate(text="x", scheduled=scheduled, expiry=expiry)
    bare = SmsRequest(destination="+6598765432")
    for refused, call in (
        (field, lambda: sms.send_sms("acme_hq", one(scheduled, expiry), lambda: NOW)),
        (
            field and f"messages[1].{field}",
            lambda: sms_batch.send_batch(
                "acme_hq", BatchSmsRequest(messages=[one(), one(scheduled, expiry)]), lambda: NOW
            ),
        ),
        (
            field and f"template.{field}",
            lambda: sms_batch.send_batch("acme_hq", BatchSmsRequest(messages=[bare], template=template), lambda: NOW),
        ),
        (
            field and f"template.{field}",
            lambda: sms_batch.send_batch(
                "acme_hq", BatchSmsRequest(destinations=["+6598765432"], template=template), lambda: NOW
            ),
        ),
        (chat_field, lambda: chatapps.send_message("acme_hq", chat(scheduled, expiry), lambda: NOW)),
        (
            chat_field and f"messages[2].{chat_field}",
            lambda: chatapps.send_batch(
                "acme_hq", BatchChatAppsRequest(messages=[chat(), chat(), chat(scheduled, expiry)]), lambda: NOW
            ),
        ),
    ):
        assert refused_field(call) == refused


def refused_field(call: Callable[[], Any]) -> str | None:
    try:
        call()
    except InvalidRequestError as error:
        return error.field if error.sent is Sent.NO else None
    return None


@pytest.mark.parametrize(
    ("own", "shared", "field"),
    [
        # A message's own value replaces the template's.
        ({"scheduled": at(hours=3)}, {"expiry": at(hours=2)}, "messages[0].scheduled"),
        ({"scheduled": at(hours=2)}, {"expiry": at(hours=2)}, "messages[0].scheduled"),
        ({"expiry": at(hours=1)}, {"scheduled": at(hours=2)}, "messages[0].expiry"),
        ({"scheduled": at(hours=1)}, {"scheduled": at(hours=5), "expiry": at(hours=2)}, None),
        ({"expiry": at(hours=6)}, {"scheduled": at(hours=5), "expiry": at(hours=2)}, None),
        ({"expiry": at(hours=6)}, {"scheduled": at(hours=5)}, None),
        ({}, {"scheduled": at(hours=5), "expiry": at(hours=2)}, "template.expiry"),
        # A template value that is invalid in any message is refused, even if every message has its own.
        ({"scheduled": at(hours=1)}, {"scheduled": at(days=-1)}, "template.scheduled"),
        ({"expiry": at(hours=1)}, {"expiry": at(days=-1)}, "template.expiry"),
    ],
)
def test_the_times_that_hold_in_the_end(
    own: dict[str, datetime], shared: dict[str, datetime], field: str | None
) -> None:
    batch = BatchSmsRequest(
        messages=[SmsRequest(destination="+6598765432", text="x", **own)],  # type: ignore[arg-type]
        template=SmsTemplate(**shared),  # type: ignore[arg-type]
    )
    assert refused_field(lambda: sms_batch.send_batch("acme_hq", batch, lambda: NOW)) == field


def test_an_hour_that_comes_twice_is_told_apart() -> None:
    """02:10 after the clocks went back is later than 02:30 before, although the wall clock shows less."""
    before = datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN)
    after = datetime(2026, 10, 25, 2, 10, tzinfo=BERLIN, fold=1)
    then = datetime(2026, 10, 24, 12, 0, tzinfo=UTC)
    assert refused_field(lambda: sms.send_sms("acme_hq", one(before, after), lambda: then)) is None
    assert refused_field(lambda: sms.send_sms("acme_hq", one(after, before), lambda: then)) == "expiry"
    both = SmsTemplate(text="x", scheduled=before, expiry=after)
    batch = BatchSmsRequest(destinations=["+6598765432"], template=both)
    assert refused_field(lambda: sms_batch.send_batch("acme_hq", batch, lambda: then)) is None


def test_the_client_and_the_sandbox_agree() -> None:
    """The sandbox accepts what the client accepts, also near the limits of both."""
    now = datetime.now(UTC)
    cases: list[tuple[dict[str, datetime], bool]] = [
        ({"scheduled": now - timedelta(seconds=40)}, True),
        ({"scheduled": now - timedelta(seconds=80)}, False),
        ({"scheduled": now + timedelta(days=6, hours=23)}, True),
        ({"scheduled": now + timedelta(days=7, hours=1)}, False),
        ({"expiry": now + timedelta(hours=1)}, True),
        ({"expiry": now - timedelta(seconds=1)}, False),
    ]

    async def send(client: AsyncConnectClient, times: dict[str, datetime]) -> bool:
        try:
            await client.sms.send(one(**times))
        except InvalidRequestError:
            return False
        return True

    async def main() -> None:
        with Sandbox() as sandbox:
            async with sandbox.client() as client:
                for times, good in cases:
                    assert await send(client, times) is good, times
                assert sandbox.traffic.requests == len(sandbox.messages) == sum(good for _, good in cases)

    anyio.run(main)
