"""What is decided without a clock, a file or a socket: tables."""

from __future__ import annotations

from copy import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eightbyeight_async import errors
from eightbyeight_async.bulk.judging.input_conflicts import same_message
from eightbyeight_async.bulk.judging.message_keys import SALT_BYTES, SALT_LENGTHS, Keys, with_reference
from eightbyeight_async.bulk.judging.outcomes import Action, State, judge, state_of
from eightbyeight_async.bulk.run.adaptive_rate import AdaptiveRate
from eightbyeight_async.bulk.run.choose_mode import choose_mode
from eightbyeight_async.bulk.run.input_pages import Item
from eightbyeight_async.bulk.run.mode_batch import outcomes, to_halve
from eightbyeight_async.errors import EightByEightError, Sent
from eightbyeight_async.models.sms import SmsRequest, SmsResponse, SmsStatus
from eightbyeight_async.models.sms_batch import BatchSmsResponse

NO, MAYBE = Sent.NO, Sent.MAYBE


def api(cls: type[errors.APIError], code: int | None = None, sent: Sent = NO) -> errors.APIError:
    return cls(status_code=400, code=code, sent=sent)


JUDGED = [
    (api(errors.BadRequestError, 1002), State.FAILED, Action.GO_ON),
    (api(errors.BadRequestError, 1001), State.NOT_SENT, Action.ABORT),
    (api(errors.BadRequestError, 1002, MAYBE), State.UNKNOWN, Action.GO_ON),  # a try before it may have got through
    (api(errors.APIError, 1400), State.FAILED, Action.GO_ON),
    (api(errors.AuthenticationError, 1200), State.NOT_SENT, Action.ABORT),
    (api(errors.AuthenticationError, 1200, MAYBE), State.UNKNOWN, Action.ABORT),
    (api(errors.PermissionDeniedError, 1201), State.NOT_SENT, Action.ABORT),
    (api(errors.TLSVersionError, 1014), State.NOT_SENT, Action.ABORT),
    (api(errors.NotFoundError), State.NOT_SENT, Action.ABORT),
    (errors.ClientClosedError(), State.NOT_SENT, Action.ABORT),
    (api(errors.RateLimitError), State.NOT_SENT, Action.SLOW_DOWN),
    (api(errors.RateLimitError, None, MAYBE), State.UNKNOWN, Action.SLOW_DOWN),
    (api(errors.ServerError, 2000, MAYBE), State.UNKNOWN, Action.GO_ON),
    (errors.TransportError("refused", sent=NO), State.NOT_SENT, Action.UNREACHABLE),
    (errors.TransportError("reset", sent=MAYBE), State.UNKNOWN, Action.GO_ON),
    (errors.TransportTimeoutError("timeout", sent=MAYBE), State.UNKNOWN, Action.GO_ON),
    (errors.UnexpectedResponseError("a page", status_code=502), State.UNKNOWN, Action.GO_ON),
    (errors.InvalidRequestError("scheduled", "too late"), State.NOT_SENT, Action.GO_ON),
]


@pytest.mark.parametrize(("error", "state", "action"), JUDGED)
def test_what_an_error_means(error: EightByEightError, state: State, action: Action) -> None:
    verdict = judge(error)
    assert (verdict.state, verdict.action) == (state, action)


@pytest.mark.parametrize("error", [row[0] for row in JUDGED])
def test_what_may_have_gone_out_is_never_sent_again_silently(error: EightByEightError) -> None:
    """Over every error there is: MAYBE is UNKNOWN, nothing else."""
    error = copy(error)  # the row is the other test's, too
    error.sent = MAYBE
    assert judge(error).state is State.UNKNOWN


@pytest.mark.parametrize(
    ("code", "state"), [("QUEUED", State.SENT), ("REJECTED", State.REJECTED), ("PARKED", State.UNKNOWN)]
)
def test_what_an_answer_means(code: str, state: State) -> None:
    assert state_of(SmsResponse(umid="u", status=SmsStatus(code=code))) is state


@pytest.mark.parametrize(
    ("asked", "many", "mode"),
    [("auto", True, "batch"), ("auto", False, "each"), ("each", None, "each"), ("batch", None, "batch")],
)
def test_which_mode(asked: str, many: bool | None, mode: str) -> None:
    chosen, why = choose_mode(asked, many)  # type: ignore[arg-type]
    assert chosen == mode
    assert why


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_pace_is_even() -> None:
    pace = AdaptiveRate(100, Clock())
    assert [round(pace.reserve(), 4) for _ in range(4)] == [0, 0.01, 0.02, 0.03]


def test_no_second_has_more_than_the_rate_and_one_after_a_stall() -> None:
    """A hundred have their moments, then the loop stalls, and all of them wake up at once."""
    clock = Clock()
    pace = AdaptiveRate(50, clock)
    for _ in range(100):
        pace.reserve()
    clock.now += 2
    waits = [pace.start() for _ in range(100)]
    assert waits.count(0) == 51
    assert set(waits[51:]) == {1.0}
    clock.now += 1
    assert [pace.start() for _ in range(100)].count(0) == 51
    assert AdaptiveRate(None, clock).start() == 0


def test_a_429_stops_everybody_then_halves_then_comes_back() -> None:
    clock = Clock()
    pace = AdaptiveRate(100, clock)
    pace.refused(clock.now, 3)
    assert (pace.paused_for(), pace.rate, pace.reserve()) == (3, 50, 3)
    clock.now += 5  # two seconds after the pause: a fifth of the full pace each
    pace.reserve()
    assert pace.rate == pytest.approx(90)
    clock.now += 60
    pace.reserve()
    assert (pace.rate, pace.paused_for()) == (100, 0)


def test_a_burst_of_429s_is_one() -> None:
    clock = Clock()
    pace = AdaptiveRate(100, clock)
    sent_at = clock.now - 0.1
    for wait in (1, 5, 2):
        pace.refused(sent_at, wait)
    assert (pace.rate, pace.paused_for()) == (50, 5)
    clock.now += 6
    pace.refused(clock.now, None)
    assert pace.rate == pytest.approx(25)
    assert pace.paused_for() == 1


def test_the_pace_never_starves() -> None:
    clock = Clock()
    pace = AdaptiveRate(100, clock)
    for _ in range(50):
        clock.now += 0.001
        pace.refused(clock.now, 0)
    assert pace.rate == 5


def request(**fields: object) -> SmsRequest:
    return SmsRequest(**{"destination": "+6598765432", "text": "Hello", **fields})  # type: ignore[arg-type]


KEYS = Keys(b"salt")


def test_the_same_message_has_the_same_key_whenever_it_is_scheduled() -> None:
    from datetime import UTC, datetime

    later = request(scheduled=datetime(2030, 1, 1, tzinfo=UTC))
    same = [request(destination="6598765432"), request(country="SG"), request(client_message_id=" ")]
    assert {KEYS.of(one) for one in same} == {KEYS.of(request())} == {KEYS.of(later)}


def test_other_messages_copies_and_salts_have_other_keys() -> None:
    others = [request(text="Hallo"), request(destination="+6598765433"), request(source="ACME")]
    others += [request(destination="98765432", country=country) for country in ("SG", "HK")]
    keys = [KEYS.of(one).key for one in [request(), *others]]
    keys += [KEYS.of(request(), 1).key, KEYS.of(request(), 2).key, Keys(b"pepper").of(request()).key]
    assert len(set(keys)) == len(keys)


# Written down, because the journals of campaigns that are under way hold them. By the length of the salt: who, what;
# and for each message key, hash, who, what.
WHO = {18: 2357672779584909882, 17: 5775949284770992505, 16: 9124718708861523680}
WHAT = {18: 4717074513570682543, 17: 7873563692876043145, 16: 583116594103166802}
KEPT: dict[str, tuple[dict[str, str], dict[int, tuple[str, int, int, int | None]]]] = {
    "plain": (
        {},
        {
            18: ("bb60ccf3ae12a22ad1317616", 4715726959529126290, WHO[18], None),
            17: ("b7c813f9ed99ba2b746e93ac", 9180805710423605366, WHO[17], None),
            16: ("741a862a7afa6a54b61c3454", 7160065571116220234, WHO[16], None),
        },
    ),
    "sender": (
        {"destination": "6598765432", "text": "H\xe9 \U0001f600", "source": "ACME"},
        {
            18: ("facdf533930b05941af111c8", 4116137916808363273, WHO[18], None),
            17: ("1561283de0ae70a1e355d6b5", 5480845715324196532, WHO[17], None),
            16: ("b503466188d27743e55d8317", 6992217157947603833, WHO[16], None),
        },
    ),
    "national": (
        {"destination": "98765432", "country": "SG"},
        {
            18: ("88c804d2862276b0cb669131", 700992388340077420, -7425747398609438911, None),
            17: ("9740eda447a2bf5698bfc440", 2908191468098580256, -4723393875559996400, None),
            16: ("33fdb2d69cad5cacb07cf84e", 8670946542629651285, -2994592326467828249, None),
        },
    ),
    "lower case": (
        {"destination": "98765432", "country": "sg"},
        {
            18: ("88c804d2862276b0cb669131", 700992388340077420, -7425747398609438911, None),
            17: ("3d9d20b495881c67bc6c031f", 7659198974331438393, -3920119427494027942, None),
            16: ("946575175c3fa70fff1bc410", 2165960994789828795, -6282568131877763460, None),
        },
    ),
    "id": (
        {"client_message_id": "order 7"},
        {
            18: ("order 7", 2530396976337106432, WHO[18], WHAT[18]),
            17: ("order 7", 2962603030286477052, WHO[17], WHAT[17]),
            16: ("order 7", 2576997259738862780, WHO[16], WHAT[16]),
        },
    ),
    "hidden id": (
        {"client_message_id": "to-98765432"},
        {
            18: ("cf1816f01eb7f76b954b45ca", 1730099649579235917, WHO[18], WHAT[18]),
            17: ("b2dfd986f20300b6fb20e9db", 8666062198357259545, WHO[17], WHAT[17]),
            16: ("b5ca92502d3987cd70b19ea0", 114951096175187455, WHO[16], WHAT[16]),
        },
    ),
    "grouped id": (
        {"client_message_id": "to 9876-5432"},
        {
            18: ("cfbb46f98eb23e7a4dcc4875", 1853454609437003275, WHO[18], WHAT[18]),
            17: ("72c55379eaaff4b287bc1050", 5630671324791584803, WHO[17], WHAT[17]),
            16: ("to 9876-5432", 4296444487479472127, WHO[16], WHAT[16]),
        },
    ),
}
COPIES = {18: "104d7eebc4189b06b1d1bb50", 17: "8ff3f56b986fea8b80ec94c6", 16: "4584f400809c45ed1949c9b7"}
FINGERPRINTS = {
    18: "7-0b6bd93eb68d0db46b3f8f2a29604e3e",
    17: "7-84f76f10f611f2ae8e1dfc38f6f58ddf",
    16: "7-ca312da11bcd1aa051caeca7fd5940c0",
}
CHANGED = "a campaign under way would send every message a second time after an update of this package"


@pytest.mark.parametrize("salt", SALT_LENGTHS)
@pytest.mark.parametrize("message", KEPT)
def test_the_rule_of_keys_never_changes(message: str, salt: int) -> None:
    fields, kept = KEPT[message]
    assert tuple(Keys(b"s" * salt).of(request(**fields))) == kept[salt], CHANGED


@pytest.mark.parametrize("salt", SALT_LENGTHS)
def test_the_rule_of_copies_and_fingerprints_never_changes(salt: int) -> None:
    keys = Keys(b"s" * salt)
    assert keys.of(request(), 2).key == COPIES[salt], CHANGED
    assert keys.who_of("+6598765432") == WHO[salt]
    fingerprint = keys.fingerprint()
    for fields, _ in KEPT.values():
        fingerprint.add(request(**fields))
    assert str(fingerprint) == FINGERPRINTS[salt], "a campaign under way would refuse its own input"


def test_the_case_of_a_country_makes_no_other_person_and_no_other_input() -> None:
    """A mended cell, `sg` to `SG`, is the same message to the same person."""
    one, other = (request(destination="98765432", country=country) for country in ("SG", "sg"))
    keys = Keys(b"s" * SALT_BYTES)
    assert keys.of(one) == keys.of(other)
    assert keys.of(one, 1) == keys.of(other, 1)
    assert fingerprints(one) == fingerprints(other)
    assert same_message(one, other)
    malaysian = request(destination="98765432", country="MY")
    assert (keys.of(one).who != keys.of(malaysian).who, same_message(one, malaysian)) == (True, False)


def fingerprints(message: SmsRequest) -> str:
    fingerprint = Keys(b"s" * SALT_BYTES).fingerprint()
    fingerprint.add(message)
    return str(fingerprint)


def test_a_reference_is_the_key_unless_it_holds_the_number() -> None:
    assert KEYS.of(request(client_message_id="order 7")).key == "order 7"
    hidden = KEYS.of(request(client_message_id="to-98765432")).key
    assert "8765432" not in hidden
    assert hidden in KEYS.candidates("to-98765432")


@pytest.mark.parametrize(
    "reference",
    [
        "491512345678", "order +49 151 234-56-78", "0151/2345678", "(0151) 234.56.78", "0151_234_56_78", "151:2345678",
        "order-49-1512345678-2", "+49 (0)151 2345678", "\u0661\u0665\u0661 \u0662\u0663\u0664\u0665\u0666\u0667\u0668",
        "\uff11\uff15\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18", "0151\u2013234\u20135678",
        "0151\u00b7234\u00b75678 \u00e9", "151,234,56,78",
    ],
)  # fmt: skip
def test_a_reference_that_holds_the_number_is_hidden_however_it_is_grouped(reference: str) -> None:
    message = SmsRequest(destination="+491512345678", text="Hi", client_message_id=reference)
    key = KEYS.of(message).key
    assert key != reference
    assert key in KEYS.candidates(reference)
    assert KEYS.of(message).key == key


@pytest.mark.parametrize(
    "reference",
    ["order-1234", "a-151-234-56-79", "2026-11-26/4711", "no 1 2 3 4 5 6 7", "x2y3z4a5b6c7d8", "caf\u00e9 12"],
)
def test_a_reference_without_the_number_is_the_key(reference: str) -> None:
    message = SmsRequest(destination="+491512345678", text="Hi", client_message_id=reference)
    assert KEYS.of(message).key == reference


@given(st.lists(st.integers(0, 5), max_size=20), st.randoms())
def test_the_fingerprint_ignores_the_order_and_nothing_else(numbers: list[int], dice: object) -> None:
    def of(found: list[int]) -> str:
        fingerprint = KEYS.fingerprint()
        for number in found:
            fingerprint.add(request(text=str(number)))
        return str(fingerprint)

    shuffled = sorted(numbers)
    assert of(shuffled) == of(numbers)
    assert of([*numbers, 0]) != of(numbers)


def test_the_copy_for_the_wire_is_the_request_with_a_reference() -> None:
    import attrs

    original = request(source="ACME", encoding="UCS2")
    assert with_reference(original, "r") == attrs.evolve(original, client_message_id="r")


ITEMS = [Item(place, request(), str(place)) for place in range(3)]


@pytest.mark.parametrize(
    ("accepted", "rejected", "states"),
    [(3, 0, [State.SENT] * 3), (2, 1, [State.UNKNOWN] * 3), (2, 0, [State.UNKNOWN] * 3)],
)
def test_a_batch_answer_that_only_counts(accepted: int, rejected: int, states: list[State]) -> None:
    answer = BatchSmsResponse(batch_id="b", accepted_count=accepted, rejected_count=rejected)
    assert [state for _, state, _ in outcomes(ITEMS, answer)] == states


@pytest.mark.parametrize(
    ("error", "size", "halved"),
    [
        (api(errors.BadRequestError, 1002), 2, True),
        (api(errors.BadRequestError, 1002), 1, False),
        (api(errors.BadRequestError, 1002, MAYBE), 2, False),
        (api(errors.BadRequestError, 1001), 2, False),
        (errors.InvalidRequestError("messages[1].scheduled", "too late"), 2, True),
        (api(errors.RateLimitError), 2, False),
    ],
)
def test_when_a_batch_is_halved(error: EightByEightError, size: int, halved: bool) -> None:
    assert to_halve(judge(error), error, size) is halved
