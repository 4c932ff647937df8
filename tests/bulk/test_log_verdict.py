"""What a log proves: a table of rows and claims. Times are in seconds; the message was claimed at 1,000."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from eightbyeight_async.bulk.judging.log_verdict import (
    AROUND,
    Doubt,
    Evidence,
    LoggedRow,
    Verdict,
    Why,
    evidence_around,
    verdict,
)
from eightbyeight_async.bulk.judging.message_keys import Keys
from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.bulk.settling.reconcile import _log_rows

LAG = 600.0
ASKED = 10_000.0
DOUBT = Doubt(id=7, claimed=1_000.0, since=1_030.5, who=5, evidence=Evidence(10, 0, (-0.2, 0.3)))
ROW = LoggedRow("umid-1", refused=False, created=1_010.25, who=5, ours=True)
SENT, REJECTED, NOT_SENT = (Verdict(state) for state in (State.SENT, State.REJECTED, State.NOT_SENT))


def row(**fields: Any) -> LoggedRow:
    return ROW._replace(**fields)


def unknown(why: Why) -> Verdict:
    return Verdict(State.UNKNOWN, why=why)


def doubt(*rows: LoggedRow, held: int = 10, lacking: int = 0, ahead: Any = (-0.2, 0.3), **fields: Any) -> Doubt:
    return attrs.evolve(DOUBT, rows=rows, evidence=Evidence(held, lacking, ahead), **fields)


REFUSED = row(refused=True, umid="umid-2")

TABLE: dict[str, tuple[Doubt, Verdict]] = {
    # One row
    "accepted": (doubt(ROW), SENT._replace(umid="umid-1")),
    "accepted, no umid": (doubt(row(umid="")), SENT),
    "refused": (doubt(REFUSED), REJECTED._replace(umid="umid-2")),
    "no row": (doubt(), NOT_SENT),
    # Two rows
    "refused, then accepted": (doubt(REFUSED, ROW), SENT._replace(umid="umid-1")),
    "accepted, then refused": (doubt(ROW, REFUSED), SENT._replace(umid="umid-1")),
    "refused twice": (doubt(REFUSED, REFUSED), REJECTED._replace(umid="umid-2")),
    "refused, and an earlier message accepted": (doubt(REFUSED, row(created=500.0)), REJECTED._replace(umid="umid-2")),
    "refused, and accepted under another number": (doubt(REFUSED, row(who=6)), unknown(Why.OTHER_NUMBER)),
    "refused, and accepted long after": (doubt(REFUSED, row(created=2_000.0)), unknown(Why.OTHER_TIME)),
    "refused, and another refusal nobody can place": (
        doubt(REFUSED, REFUSED._replace(created=None)),
        REJECTED._replace(umid="umid-2"),
    ),
    # Without witnesses a row is still proof
    "accepted, no witness": (doubt(ROW, held=0, ahead=None), SENT._replace(umid="umid-1")),
    "accepted, log not whole": (doubt(ROW, lacking=3), SENT._replace(umid="umid-1")),
    "refused, no witness": (doubt(REFUSED, held=0, ahead=None), REJECTED._replace(umid="umid-2")),
    # The number
    "another number": (doubt(row(who=6)), unknown(Why.OTHER_NUMBER)),
    "a masked number": (doubt(row(who=None)), SENT._replace(umid="umid-1")),
    "a national number": (doubt(row(who=6), who=-9), SENT._replace(umid="umid-1")),
    # The sub-account
    "another sub-account": (doubt(row(ours=False)), NOT_SENT),
    "another sub-account, no witness": (doubt(row(ours=False), held=0, ahead=None), unknown(Why.NO_WITNESS)),
    # The form of the id
    "another form": (doubt(row(exact=False)), unknown(Why.OTHER_FORM)),
    "another form, earlier": (doubt(row(exact=False, created=500.0)), NOT_SENT),
    "another form, another sub-account": (doubt(row(exact=False, ours=False)), NOT_SENT),
    # The time
    "a rehearsal": (doubt(row(created=400.0)), NOT_SENT),
    "a rehearsal just before": (doubt(row(created=999.5)), NOT_SENT),
    "a rehearsal, no witness": (doubt(row(created=400.0), held=0, ahead=None), unknown(Why.NO_WITNESS)),
    "a rehearsal, clocks unknown": (doubt(row(created=400.0), ahead=None), unknown(Why.OTHER_TIME)),
    "at the claim": (doubt(row(created=1_000.25)), SENT._replace(umid="umid-1")),
    "within what the clocks differ": (doubt(row(created=999.85)), SENT._replace(umid="umid-1")),
    "whole seconds, cut off": (doubt(row(created=999.0)), SENT._replace(umid="umid-1")),
    "on its way when the sender died": (doubt(row(created=1_500.5)), SENT._replace(umid="umid-1")),
    "ten minutes after its end": (doubt(row(created=1_700.5)), unknown(Why.OTHER_TIME)),
    "no time": (doubt(row(created=None)), unknown(Why.OTHER_TIME)),
    "8x8's clock a day ahead": (
        doubt(row(created=87_410.0), ahead=(86_399.9, 86_400.2)),
        SENT._replace(umid="umid-1"),
    ),
    "8x8's clock a day ahead, a rehearsal by its clock": (
        doubt(row(created=1_010.0), ahead=(86_399.9, 86_400.2)),
        NOT_SENT,
    ),
    "8x8's clock an hour behind": (
        doubt(row(created=-2_590.0), ahead=(-3_600.2, -3_599.9)),
        SENT._replace(umid="umid-1"),
    ),
    # Absence
    "no witness": (doubt(held=0, ahead=None), unknown(Why.NO_WITNESS)),
    "one witness": (doubt(held=1), NOT_SENT),
    "not whole": (doubt(lacking=1), unknown(Why.NOT_WHOLE)),
    "the whole log of another account": (doubt(held=0, lacking=10, ahead=None), unknown(Why.NOT_WHOLE)),
    "clocks unknown, no row": (doubt(ahead=None), NOT_SENT),
    # Too early
    "just ended": (doubt(since=ASKED - LAG + 1), unknown(Why.TOO_EARLY)),
    "the lag has passed": (doubt(since=ASKED - LAG), NOT_SENT),
    # Clocks that jumped
    "claimed in the future": (doubt(claimed=ASKED + 86_400, since=ASKED + 86_401), unknown(Why.CLOCK)),
    "ended in the future": (doubt(since=ASKED + 5), unknown(Why.CLOCK)),
    "claimed in the future, now a day ago": (doubt(claimed=5_000.0, since=2_000.0), unknown(Why.CLOCK)),
    "claimed in the future, now a day ago, with its row": (
        doubt(row(created=1_990.5), claimed=5_000.0, since=2_000.0, ahead=(-3_010.5, -3_009.0)),
        unknown(Why.CLOCK),
    ),
    "the clock went back by an instant": (doubt(since=999.9), NOT_SENT),
    # Scheduled
    "not due": (doubt(scheduled=ASKED + 1), unknown(Why.SCHEDULED)),
    "just due": (doubt(scheduled=ASKED - LAG + 1), unknown(Why.TOO_EARLY)),
    "long due": (doubt(scheduled=ASKED - LAG), NOT_SENT),
    "not due, in the log": (doubt(ROW, scheduled=ASKED + 1), SENT._replace(umid="umid-1")),
    "not due, in the log as refused": (doubt(REFUSED, scheduled=ASKED + 1), REJECTED._replace(umid="umid-2")),
}


@pytest.mark.parametrize("name", TABLE)
def test_verdict(name: str) -> None:
    given, expected = TABLE[name]
    assert verdict(given, asked_at=ASKED, lag=LAG) == expected


@pytest.mark.parametrize("name", TABLE)
def test_the_order_of_the_rows_does_not_matter(name: str) -> None:
    given, expected = TABLE[name]
    turned = attrs.evolve(given, rows=given.rows[::-1])
    assert verdict(turned, asked_at=ASKED, lag=LAG).state == expected.state


@pytest.mark.parametrize("name", [name for name in TABLE if TABLE[name][1].state is State.NOT_SENT])
def test_not_sent_needs_witnesses_a_whole_log_and_time(name: str) -> None:
    """Without any single one of these conditions the message is not sent again, even if all others hold."""
    given, _ = TABLE[name]
    for less in (
        attrs.evolve(given, evidence=given.evidence._replace(held=0)),
        attrs.evolve(given, evidence=given.evidence._replace(lacking=1)),
        attrs.evolve(given, since=ASKED),
        attrs.evolve(given, claimed=ASKED + 1, since=ASKED + 2),
        attrs.evolve(given, scheduled=ASKED + 1),
    ):
        assert verdict(less, asked_at=ASKED, lag=LAG).state is not State.NOT_SENT


# --- Witnesses


def around(*ahead: tuple[float, float] | None) -> Evidence:
    return evidence_around({10 + index: Evidence(1, 0, one) for index, one in enumerate(ahead)}, 11.5 * AROUND)


def test_witnesses_are_of_the_claims_hour_the_one_before_and_the_one_after() -> None:
    hours = {hour: Evidence(10**hour, 2 * 10**hour, (0.0, 1.0)) for hour in range(6)}
    assert evidence_around(hours, 3.5 * AROUND) == Evidence(11_100, 22_200, (0.0, 1.0))
    assert evidence_around(hours, 0.0) == Evidence(11, 22, (0.0, 1.0))
    assert evidence_around(hours, 100 * AROUND) == Evidence(0, 0, None)
    assert evidence_around({}, 0.0) == Evidence(0, 0, None)


def test_every_witness_narrows_what_the_clocks_differ_by() -> None:
    assert around((-1.0, 3.0), (0.5, 4.0), (0.0, 2.0)).ahead == (0.5, 2.0)


def test_witnesses_that_contradict_each_other_tell_of_a_clock_that_jumped() -> None:
    assert around((0.0, 1.0), (3_600.0, 3_601.0)).ahead is None
    assert around((0.0, 1.0), None).ahead is None
    assert around(None, None).ahead is None


def test_a_log_of_whole_seconds_contradicts_by_less_than_one() -> None:
    """Messages created at 0.99 and at 1.00 have the times 0 and 1 in the log: ahead by 0 at most and 0.9 at least."""
    assert around((0.9, 5.0), (-5.0, 0.1)).ahead == (0.1, 0.9)


def test_an_hour_that_holds_nothing_tells_nothing_of_the_clocks() -> None:
    hours = {10: Evidence(0, 3, None), 11: Evidence(2, 0, (0.0, 1.0))}
    assert evidence_around(hours, 11.5 * AROUND) == Evidence(2, 3, (0.0, 1.0))


# --- A row of the export


def test_a_row_of_the_export() -> None:
    keys = Keys(b"salt")
    full = {
        "clientmessageid": "Order-1",
        "umid": " u1 ",
        "status_value": " Rejected ",
        "createdat": "2026-01-01T00:00:00.500Z",
        "msisdn": "+6581000000",
        "subaccountid": "acme",
    }
    first, hidden = _log_rows(full, keys, "acme")
    assert (first.key, first.umid, first.refused, first.created) == ("Order-1", "u1", True, 1_767_225_600.5)
    assert (first.who, first.ours, first.form) == (keys.who_of("6581000000"), True, "order-1")
    assert (hidden.key, hidden.form) == (keys.candidates("Order-1")[1], "")
    with_blanks = [one.key for one in _log_rows({"clientmessageid": " x\t"}, keys, "acme")]
    assert with_blanks[0] == " x\t"
    assert "x" in with_blanks


@pytest.mark.parametrize("reference", ["", "  ", "\t", None])
def test_a_row_without_an_id_is_nobodys(reference: str | None) -> None:
    given = {} if reference is None else {"clientmessageid": reference}
    assert _log_rows({**given, "umid": "u"}, Keys(b"salt"), "acme") == []


@pytest.mark.parametrize(
    ("created", "seconds"),
    [
        ("2026-01-01T00:00:00Z", 1_767_225_600.0),
        ("2026-01-01T00:00:00", 1_767_225_600.0),
        ("2026-01-01 08:00:00+08:00", 1_767_225_600.0),
        ("yesterday", None),
        ("", None),
        ("1767225600", None),
        ("99999-01-01", None),
    ],
)
def test_the_time_of_a_row(created: str, seconds: float | None) -> None:
    assert _log_rows({"clientmessageid": "a", "createdat": created}, Keys(b"salt"), "acme")[0].created == seconds


@pytest.mark.parametrize("number", ["", "65****11", "+65 8100", "٣٤٥٦٧٨٩"])
def test_a_number_that_is_not_whole_is_not_compared(number: str) -> None:
    assert _log_rows({"clientmessageid": "a", "msisdn": number}, Keys(b"salt"), "acme")[0].who is None


@pytest.mark.parametrize(("there", "ours"), [("acme", True), (" acme ", True), ("", True), ("other", False)])
def test_the_sub_account_of_a_row(there: str, ours: bool) -> None:
    assert _log_rows({"clientmessageid": "a", "subaccountid": there}, Keys(b"salt"), "acme")[0].ours is ours
    assert _log_rows({"clientmessageid": "a"}, Keys(b"salt"), "acme")[0].ours
