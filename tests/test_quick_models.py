"""The fast way to a model gives the same result as the thorough way, or leaves the object to the thorough way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eightbyeight_async import InvalidRequestError, SmsRequest, SmsResponse, wire
from eightbyeight_async.fanout import SendAccepted
from eightbyeight_async.models import chatapps_response, common, log_export, sms, sms_batch
from eightbyeight_async.quick_models import OddError, quick_maker, quick_reader, quick_writer
from eightbyeight_async.wire_json import decode, encode

QUICK = [sms.SmsStatus, SmsResponse, common.CancelResponse, sms_batch.BatchSmsResponse, log_export.LogExportJob]
ODD = st.sampled_from([None, True, 0, -1, 1.5, "", "QUEUED", "x", [], {}, [None], {"code": "QUEUED"}])


def objects(cls: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Draws JSON objects of a model: as documented, with some fields odd, null or missing, and with unknown fields."""
    fields = {wire.wire_name(field): field.type for field in attrs.fields(attrs.resolve_types(cls))}
    fields.pop(None, None)
    each = {name: st.one_of(promised(kind), promised(kind), ODD) for name, kind in fields.items()}
    return st.fixed_dictionaries({}, optional={**each, "unknown": ODD})


def promised(kind: Any) -> st.SearchStrategy[Any]:
    shown = str(kind)
    if "tuple" in shown:
        return st.lists(objects(SmsResponse), max_size=3)
    if "SmsStatus'" in shown:
        return objects(sms.SmsStatus)
    if "int" in shown and "str" not in shown:
        return st.integers(0, 5)
    return st.sampled_from(["QUEUED", "REJECTED", "GSM7", "a", ""])


def outcome(read: Any, *args: Any) -> object:
    try:
        return read(*args)
    except wire.UnreadableError as error:
        return str(error)


def thoroughly(data: object, cls: Any, monkeypatch: pytest.MonkeyPatch) -> object:
    with monkeypatch.context() as patch:
        patch.setattr(wire, "_quick_reader", lambda _: None)
        return outcome(wire.structure, data, cls)


@pytest.mark.parametrize("cls", QUICK, ids=lambda cls: cls.__name__)
def test_both_ways_read_the_same(cls: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = quick_reader(cls)
    assert quick is not None
    counts = {True: 0, False: 0}

    @settings(max_examples=200)
    @given(data=objects(cls) | ODD)
    def compare(data: object) -> None:
        read = thoroughly(data, cls, monkeypatch)
        assert outcome(wire.structure, data, cls) == read
        try:
            made: object = quick(data)
        except (OddError, InvalidRequestError):
            counts[False] += 1
        else:
            counts[True] += 1
            assert made == read
            assert type(made) is cls

    compare()
    assert all(counts.values()), "one of the ways was never taken"


@pytest.mark.parametrize("cls", [common.ErrorBody, chatapps_response.ChatAppsResponse])
def test_a_model_with_other_types_has_no_quick_way(cls: Any) -> None:
    assert quick_reader(cls) is None


def test_a_maker_makes_what_the_class_makes() -> None:
    request = SmsRequest(destination="+6598765432", text="x")
    response = SmsResponse(umid="u", status=sms.SmsStatus(code="QUEUED"))
    told = {"index": 3, "request": request, "response": response, "error": None, "attempts": 2}
    made = quick_maker(SendAccepted)(**told)
    assert made == SendAccepted(**told)
    assert repr(made) == repr(SendAccepted(**told))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        made.index = 4


GIVEN = {
    "destination": ["+6598765432", "6598765432", "", "x", None, 5],
    "text": ["Hello", "", None, 5, "\ud800"],
    "country": ["SG", "sgp", None],
    "source": ["ACME", " ", "x" * 17, None],
    "client_message_id": ["id", "x" * 351, None],
    "encoding": ["GSM7", sms.Encoding.UCS2, "gsm", None],
    "scheduled": [None, "tomorrow"],
    "dlr_callback_url": ["https://x.example/", "x", None],
    "client_ip": ["10.0.0.1", "x", None],
    "track": ["None", sms.Track.OUTCOME, "x", None],
}


@settings(max_examples=300)
@given(values=st.fixed_dictionaries({}, optional={name: st.sampled_from(some) for name, some in GIVEN.items()}))
def test_a_request_is_made_as_attrs_makes_it(values: dict[str, Any]) -> None:
    def of_attrs() -> SmsRequest:
        made = object.__new__(SmsRequest)
        SmsRequest.__init__.__wrapped__(made, **values)  # type: ignore[attr-defined]  # what `private_init` replaces
        for field in attrs.fields(SmsRequest):
            value = getattr(made, field.name)
            if "check" in field.metadata and (value is not None or field.default is attrs.NOTHING):
                field.metadata["check"](made, field, value)
        return made

    def told(make: Any) -> object:
        try:
            return make()
        except InvalidRequestError as error:
            return str(error), error.field
        except TypeError as error:  # the destination is missing
            return type(error)

    assert told(lambda: SmsRequest(**values)) == told(of_attrs)


def test_positional_and_unknown_arguments_are_refused() -> None:
    with pytest.raises(TypeError):
        SmsRequest("+6598765432")  # type: ignore[misc]
    with pytest.raises(TypeError, match="texts"):
        SmsRequest(destination="+6598765432", texts="x")  # type: ignore[call-arg]


@attrs.frozen(kw_only=True)
class Tagged(SmsRequest):
    tag: str = "none"


@attrs.frozen(kw_only=True, slots=False)
class WithDict(SmsRequest):
    tag: list[str] = attrs.field(factory=list)


@attrs.frozen(kw_only=True)
class WithPostInit(SmsRequest):
    tag: str = attrs.field(default="x", validator=attrs.validators.instance_of(str))

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "tag", f"{self.tag}!")


class Plain(SmsRequest):
    __slots__ = ()


@pytest.mark.parametrize(
    ("cls", "tag"), [(Tagged, "none"), (WithDict, []), (WithPostInit, "x!"), (Plain, None)], ids=str
)
def test_a_class_derived_from_a_request_has_its_rules(cls: Any, tag: object) -> None:
    made = cls(destination="+6598765432", text="x", encoding="GSM7")
    assert (made.destination, made.encoding) == ("+6598765432", sms.Encoding.GSM7)
    assert getattr(made, "tag", None) == tag
    assert attrs.evolve(made, text="y").text == "y"
    for wrong in ({"destination": "x"}, {"destination": "+6598765432", "source": " "}):
        with pytest.raises(InvalidRequestError):
            cls(**wrong)


AWARE = datetime(2026, 1, 1, 12, 0, 0, 500, tzinfo=timezone(timedelta(hours=7, minutes=30, seconds=15)))
SET = {
    "destination": ["+6591234567", "6591234567"],
    "text": ["Hello", 'a "quoted" \\ line\nand\ttab\x00\x1f\x7f', "h\u00e9 \u2028 \U0001f600", "x"],
    "country": [None, "SG"],
    "source": [None, "ACME", "A & C"],
    "client_message_id": [None, "", "id-1"],
    "encoding": [None, "AUTO", sms.Encoding.UCS2],
    "scheduled": [None, AWARE, AWARE.astimezone(UTC)],
    "expiry": [None, AWARE],
    "dlr_callback_url": [None, "https://example.com/?a=b"],
    "client_ip": [None, "::1"],
    "track": [None, "None", sms.Track.OUTCOME],
}


@given(values=st.fixed_dictionaries({name: st.sampled_from(values) for name, values in SET.items()}))
def test_both_ways_write_the_same(values: dict[str, Any]) -> None:
    request = SmsRequest(**values)
    write = quick_writer(SmsRequest)
    assert write is not None
    assert write(request).encode() == wire.dump(request) == encode(wire.unstructure(request))


@attrs.frozen(kw_only=True)
class Loose(SmsRequest):
    note: str | None = None  # without a rule


@attrs.frozen(kw_only=True)
class Tagged(SmsRequest):
    number: int = 0


def test_what_is_no_text_is_written_thoroughly() -> None:
    loose = Loose(destination="+6591234567", text="x", note=5)  # type: ignore[arg-type]
    assert wire.dump(loose) == b'{"destination":"+6591234567","text":"x","note":5}'
    assert quick_writer(Tagged) is None
    tagged = Tagged(destination="+6591234567", text="x")
    assert decode(wire.dump(tagged)) == {"destination": "+6591234567", "text": "x", "number": 0}
