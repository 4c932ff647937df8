"""structure(unstructure(x)) == x for every model except those of ChatApps. None is never written, and unknown fields of
answers are allowed.

Requests have rules, so their strategies are written by hand. Strategies of answers are derived from the fields, so that
a new field is included. A model of the package that no round trip names fails the last test.
"""

from __future__ import annotations

import enum
import importlib
import json
import pkgutil
import types
import typing
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import attrs
import pytest
import schemas
import test_chatapps_round_trips as chatapps
from hypothesis import given, settings
from hypothesis import strategies as st
from test_wire import AWARE, TEXT

from eightbyeight_async import from_dict, models, to_dict, wire
from eightbyeight_async.models.account import (
    AccountBalance,
    Amount,
    CountryPrices,
    InboundPrices,
    MobileNetwork,
    NumberPrice,
    OperatorPrice,
    PriceList,
    SubaccountPrices,
)
from eightbyeight_async.models.chatapps_batch import BatchChatAppsResult
from eightbyeight_async.models.chatapps_interactive import InteractiveText
from eightbyeight_async.models.common import CancelResponse, ErrorBody
from eightbyeight_async.models.log_export import LogExportJob, LogExportRequest, LogExportStatus
from eightbyeight_async.models.message_details import MessageDetails, MessageStatus, Price
from eightbyeight_async.models.sms import Encoding, Outcome, SmsRequest, SmsResponse, SmsStatus, Track
from eightbyeight_async.models.sms_batch import (
    BatchSmsAccepted,
    BatchSmsNotAccepted,
    BatchSmsRequest,
    BatchSmsResponse,
    SmsTemplate,
)
from eightbyeight_async.models.sms_feedback import SmsFeedback
from eightbyeight_async.models.webhooks import (
    ChannelUser,
    DeliveryReceipt,
    DeliveryStatus,
    InboundMessage,
    Recipient,
    UnknownEvent,
)

Strategy = st.SearchStrategy[Any]


def maybe(strategy: Strategy) -> Strategy:
    return st.none() | strategy


def up_to(limit: int) -> Strategy:
    return maybe(TEXT.filter(lambda text: len(text) <= limit))


def travelling(cls: type) -> list[Any]:
    return [field for field in attrs.fields(attrs.resolve_types(cls)) if wire.wire_name(field) is not None]


def asked(cls: type, **strategies: Strategy) -> Strategy:
    """Returns a strategy for a request. Without a strategy for each field, a field would never be tested."""
    assert set(strategies) == {field.name for field in travelling(cls)}, f"{cls.__name__}: a strategy for each field"
    return st.builds(cls, **strategies)


# Kept unchanged. Numbers with a fraction come as Decimal, and null is the sender's matter, so this strategy has
# neither.
OBJECT = st.dictionaries(
    TEXT,
    st.recursive(
        TEXT | st.integers() | st.booleans(),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
        max_leaves=4,
    ),
    max_size=3,
)
KINDS: dict[Any, Strategy] = {
    type(None): st.none(),
    str: TEXT,
    int: st.integers(),
    datetime: AWARE,
    Decimal: st.decimals(-1000, 1000, places=5),
    dict[str, Any]: OBJECT,
}


def told(cls: type) -> Strategy:
    """Returns a strategy for an answer or an event: every field has any value of its type."""
    return st.builds(cls, **{field.name: of(field.type) for field in travelling(cls)})


def of(kind: Any) -> Strategy:
    if kind in KINDS:
        return KINDS[kind]
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return st.one_of(*map(of, typing.get_args(kind)))
    if typing.get_origin(kind) is tuple:
        return st.lists(of(typing.get_args(kind)[0]), max_size=3).map(tuple)
    if attrs.has(kind):
        return told(kind)
    assert issubclass(kind, enum.Enum), kind
    return st.sampled_from(kind)


ZONES = st.sampled_from([UTC, timezone(timedelta(hours=8)), timezone(timedelta(hours=-3, minutes=-30))])
EARLY = st.datetimes(datetime(1990, 1, 1), datetime(2009, 1, 1), timezones=ZONES)  # noqa: DTZ001 - Hypothesis adds it
LATE = st.datetimes(datetime(2010, 1, 1), timezones=ZONES)  # noqa: DTZ001 - Hypothesis adds it
NUMBER = st.from_regex(r"\+?[1-9][0-9]{6,14}", fullmatch=True)
CALLBACK = st.sampled_from(["https://example.com/", "http://example.com:8080/dlr?x=%20"])
IP = st.ip_addresses().map(str)
COUNTRY = st.sampled_from(["SG", "th"])
SHARED = {
    "source": maybe(TEXT.filter(lambda text: len(text) <= 16 and text.isprintable() and text.strip())),
    "encoding": maybe(st.sampled_from(Encoding)),
    "scheduled": maybe(AWARE),
    "expiry": maybe(AWARE),
    "dlr_callback_url": maybe(CALLBACK),
}


def messages(text: Strategy) -> Strategy:
    return asked(
        SmsRequest,
        destination=NUMBER,
        text=text,
        country=maybe(COUNTRY),
        client_message_id=maybe(TEXT),
        client_ip=maybe(IP),
        track=maybe(st.sampled_from(Track)),
        **SHARED,
    )


def batches(messages: Strategy, destinations: Strategy, template: Strategy) -> Strategy:
    return asked(
        BatchSmsRequest,
        messages=messages,
        destinations=destinations,
        template=template,
        client_batch_id=up_to(20),
        include_messages_in_response=maybe(st.booleans()),
        client_ip=maybe(IP),
    )


WITH_TEXT = asked(SmsTemplate, text=TEXT, **SHARED)
ASKED: dict[type, Strategy] = {
    SmsRequest: messages(maybe(TEXT)),
    SmsTemplate: asked(SmsTemplate, text=maybe(TEXT), **SHARED),
    BatchSmsRequest: st.one_of(
        batches(st.lists(messages(maybe(TEXT)), min_size=1, max_size=3), st.none(), WITH_TEXT),
        batches(st.lists(messages(TEXT), min_size=1, max_size=2), st.none(), st.none()),
        batches(st.none(), st.lists(NUMBER, min_size=1, max_size=3), WITH_TEXT),
    ),
    SmsFeedback: asked(SmsFeedback, outcome=st.sampled_from(Outcome), timestamp=maybe(AWARE)),
    LogExportRequest: asked(
        LogExportRequest,
        from_=maybe(EARLY),
        to=maybe(LATE),
        phone_number=maybe(NUMBER),
        countries=maybe(st.lists(COUNTRY, max_size=3)),
        limit=maybe(st.integers(0)),
    ),
}
TOLD: dict[type, Strategy] = {
    cls: told(cls)
    for cls in (
        AccountBalance,
        Amount,
        CancelResponse,
        CountryPrices,
        ErrorBody,
        InboundPrices,
        MobileNetwork,
        NumberPrice,
        OperatorPrice,
        PriceList,
        SubaccountPrices,
        LogExportJob,
        LogExportStatus,
        MessageDetails,
        MessageStatus,
        Price,
        SmsResponse,
        SmsStatus,
        BatchSmsResponse,
        ChannelUser,
        DeliveryReceipt,
        DeliveryStatus,
        InboundMessage,
        Recipient,
        UnknownEvent,
    )
}
# Made from an answer, never on the wire.
BESIDE = {BatchSmsAccepted, BatchSmsNotAccepted, BatchChatAppsResult}
# Converters make these from plain strings, so the round trips of ChatApps do not name them.
CONVERTED = {InteractiveText}


def nothing_is_none(data: Any) -> bool:
    if isinstance(data, dict | list):
        return all(nothing_is_none(item) for item in (data.values() if isinstance(data, dict) else data))
    return data is not None


def more(data: Any) -> Any:
    """Returns the same data from a later version of the API: an unknown field in every object, except in those kept
    unchanged.
    """
    if isinstance(data, dict):
        known = {key: value if key in ("content", "raw") else more(value) for key, value in data.items()}
        return {"futureField": {"x": [None]}, **known}
    return [more(item) for item in data] if isinstance(data, list) else data


def travel(data: Any) -> Any:
    """Returns the data after a trip through bytes. `str` is for decimals: only the API sends any. Our JSON has none."""
    return wire.load(json.dumps(data, default=str).encode())


# Each class is also a part of others, so half as many examples of each are enough.
HALF = settings(max_examples=settings.default.max_examples // 2)


@pytest.mark.parametrize("cls", ASKED, ids=lambda cls: cls.__name__)
@given(data=st.data())
def test_what_is_asked_survives_the_round_trip_and_keeps_the_schema(cls: type, data: st.DataObject) -> None:
    model: Any = data.draw(ASKED[cls])
    written = wire.unstructure(model)
    assert nothing_is_none(written)
    assert wire.structure(written, cls) == model
    assert wire.load(wire.dump(model)) == travel(written) == written
    if cls is SmsTemplate or (cls is SmsRequest and model.text is None):
        return  # it occurs only in a batch
    schemas.check(wire.dump(model), "sms", cls.__name__)


@pytest.mark.parametrize("cls", TOLD, ids=lambda cls: cls.__name__)
@HALF
@given(data=st.data())
def test_what_is_told_survives_the_round_trip_and_may_know_more(cls: type, data: st.DataObject) -> None:
    model = data.draw(TOLD[cls])
    written = wire.unstructure(model)
    assert cls is UnknownEvent or nothing_is_none(written)
    assert wire.structure(written, cls) == model
    assert wire.structure(travel(written), cls) == model
    assert wire.structure(travel(more(written)), cls) == model


@pytest.mark.parametrize("cls", [*ASKED, *TOLD], ids=lambda cls: cls.__name__)
@HALF
@given(data=st.data())
def test_a_users_json_gives_the_same_model_again(cls: Any, data: st.DataObject) -> None:
    model = data.draw({**ASKED, **TOLD}[cls])
    assert from_dict(cls, json.loads(json.dumps(to_dict(model)))) == model


def test_no_model_is_left_out() -> None:
    public = set()
    for module in pkgutil.iter_modules(models.__path__, f"{models.__name__}."):
        names = vars(importlib.import_module(module.name))
        public |= {names[name] for name in names["__all__"] if attrs.has(names[name])}
    # The linter forbids unused imports, and that file uses each class only for a strategy. So its imports are tested
    # classes.
    there = {cls for cls in vars(chatapps).values() if isinstance(cls, type) and attrs.has(cls)}
    tried = {*ASKED, *TOLD, *there}
    assert not tried & (BESIDE | CONVERTED)
    assert {cls.__name__ for cls in public - tried - BESIDE - CONVERTED} == set()
    assert tried | BESIDE | CONVERTED <= public
