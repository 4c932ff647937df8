"""The plan shows people, countries, local times, samples and cost. If a limit is exceeded, nothing is sent."""

from __future__ import annotations

import json
import os
import pty
import signal
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from cli.command_line import environment, in_process, start_preloaded
from patience import PATIENCE

from eightbyeight_async import to_dict
from eightbyeight_async.cli.reading.calling_code import country_of
from eightbyeight_async.cli.reading.local_times import LocalTimes
from eightbyeight_async.cli.reading.plan_limits import cost_line
from eightbyeight_async.cli.reading.samples import Samples, masked_text
from eightbyeight_async.models.account import (
    AccountBalance,
    Amount,
    CountryPrices,
    OperatorPrice,
    PriceList,
    SubaccountPrices,
)
from eightbyeight_async.models.sms import SmsRequest
from eightbyeight_async.prices import cost
from eightbyeight_async.sandbox import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from cli.command_line import Ended

    from eightbyeight_async.sandbox import Sandbox

COMMANDS = ["send-each", "send-batch", "bulk run"]
PEOPLE = """destination,name
+6591234561,Ann
+6591234562,Bob
+6591234562,Bobby
+60123456789,Zed of the very long name
+60123456780,Eve
"""
TEXT = ("--text", "Hi {name}, your table is ready")


def line(command: str, folder: Path, file: str = "people.csv") -> tuple[object, ...]:
    where = ("--journal", folder / "run.db") if command == "bulk run" else ("--output", folder / "out.jsonl", "--force")
    return (*command.split(), folder / file, *TEXT, *where)


@pytest.fixture
def here(sandbox: Sandbox, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    (tmp_path / "people.csv").write_text(PEOPLE)

    def run(*arguments: object, account: str = "") -> Ended:
        return in_process(*arguments, sandbox=sandbox, capsys=capsys, EIGHTBYEIGHT_ACCOUNT_ID=account)

    return run


@pytest.mark.parametrize("command", COMMANDS)
def test_the_dry_run_and_the_run_tell_people_countries_and_samples(
    sandbox: Sandbox, tmp_path: Path, here: Any, command: str
) -> None:
    dry = here(*line(command, tmp_path), "--dry-run")
    ran = here(*line(command, tmp_path))
    assert (dry.code, ran.code, len(sandbox.messages)) == (0, 0, 5), ran.err
    for told in (dry.err, ran.err):
        assert "to 4 people: SG 3, MY 2\n" in told
        assert "sample (longest): to +60*******89, 49 characters, 1 part: H* Z** o* t** v*** l*** n***, y*** " in told
        assert "sample (first): to +65******61, " in told
        assert "sample (last): to +60*******80, " in told
        assert "table is ready" not in told
        assert "Zed" not in told
    clear = here(*line(command, tmp_path), "--dry-run", "--include-private")
    assert ("sample (first): to +6591234561, 27 characters, 1 part: Hi Ann, your table is ready" in clear.err) is (
        command != "bulk run"
    ), "a campaign that has sent everything has no sample"


def test_the_json_of_a_dry_run_has_the_same(tmp_path: Path, here: Any) -> None:
    told = json.loads(here(*line("bulk run", tmp_path), "--dry-run", "--json", "--rate", "2").out)
    assert (told["people"], told["countries"]["SG"], told["seconds"]) == (4, {"messages": 3, "parts": 3}, 2.5)
    assert set(told["samples"]) == {"longest", "first", "last"}
    assert told["cost"] is None
    assert "table" not in json.dumps(told)


def test_samples_are_different_messages() -> None:
    samples = Samples()
    assert samples.requests() == {}
    requests = [SmsRequest(destination="+6591234561", text=text) for text in ("a", "bbb", "cc")]
    samples.add(requests[0])
    assert list(samples.requests()) == ["longest"]
    for request in requests[1:]:
        samples.add(request)
    assert [one.text for one in samples.requests().values()] == ["bbb", "a", "cc"]
    samples.add(SmsRequest(destination="+6591234561", text="x\ny" * 200))
    assert samples.lines(private=True)[0].endswith("x\\nyx\\nyx..."[-3:])
    assert "\n" not in "".join(samples.lines(private=True))


def test_a_masked_text_has_no_word_and_no_digit() -> None:
    assert (
        masked_text("Hi Zoë, code 123456 or A1B2:\nhttps://x.io/?q=9")
        == "H* Z**, c*** ****** o* ****:\nh****://x.i*/?q=*"
    )


@pytest.mark.parametrize(
    ("digits", "country"),
    [
        ("6591234561", "SG"), ("12025550123", "US"), ("16475550123", "CA"), ("16470000000", "CA"),
        ("12465550123", "BB"),
        ("447700900001", "GB"), ("447781123456", "GG"), ("79161234567", "RU"), ("77011234567", "KZ"),
        ("393331234567", "IT"), ("870123456789", "+870"), ("2101234567", "no country"),
    ],
)  # fmt: skip
def test_the_country_of_a_number(digits: str, country: str) -> None:
    assert country_of(digits) == country


def test_scheduled_messages_are_told_in_local_time(tmp_path: Path, here: Any) -> None:
    moment = (datetime.now(UTC) + timedelta(days=2)).replace(hour=2, minute=0, second=0, microsecond=0)
    later = moment + timedelta(hours=3)
    rows = f"+6591234561,{moment.isoformat()}\n+6591234562,{later.isoformat()}\n+12025550123,{moment.isoformat()}\n"
    (tmp_path / "people.csv").write_text(f"destination,scheduled,name\n{rows.replace(chr(10), ',x' + chr(10))}")
    told = here(*line("send-each", tmp_path), "--dry-run").err
    day, before = moment.date().isoformat(), (moment.date() - timedelta(days=1)).isoformat()
    assert f"scheduled, local time in Asia/Singapore: {day}T10:00+08:00 to {day}T13:00+08:00 (2)" in told
    assert f"scheduled, local time in America/New_York: {before}T2" in told


def test_a_country_of_several_zones_has_the_times_of_both_ends() -> None:
    times = LocalTimes()
    moment = datetime(2026, 1, 15, 12, tzinfo=UTC)
    times.add(SmsRequest(destination="+61411222333", text="a", scheduled=moment))
    times.add(SmsRequest(destination="+9991234567", text="a", scheduled=moment))
    abroad, unknown = sorted(times.as_list(), key=lambda one: str(one["zone"]))[::-1]
    assert "more" in str(unknown["zone"] or abroad["zone"])
    australia = next(one for one in times.as_list() if one["zone"])
    assert (australia["earliest"], australia["latest"]) == ("2026-01-15T18:30+06:30", "2026-01-15T23:00+11:00")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_cost_is_the_accounts_price_list_and_its_balance_beside(
    sandbox: Sandbox, tmp_path: Path, here: Any, command: str
) -> None:
    sandbox.account.outbound = {"SG": {"a": Decimal("0.03"), "b": Decimal("0.05")}, "MY": {"c": Decimal("0.1")}}
    sandbox.account.balance = Decimal("0.3")
    words = "cost: 0.29 to 0.35 EUR (SG 0.09 to 0.15, MY 0.20); balance 0.30 EUR: it may not be enough\n"
    for more, account in (("--dry-run",), sandbox.account_id), (("--dry-run", "--account-id", sandbox.account_id), ""):
        told = here(*line(command, tmp_path), *more, account=account)
        assert (told.code, words in told.err) == (0, True), told.err
    told = here(*line(command, tmp_path), "--account-id", sandbox.account_id, account="0" * 32)
    assert (told.code, words in told.err) == (0, True), "the option wins"
    assert len(sandbox.messages) == 5
    sandbox.reset()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_cost_that_8x8_does_not_tell_is_not_known(sandbox: Sandbox, tmp_path: Path, here: Any, command: str) -> None:
    del sandbox.account.outbound["MY"]
    sandbox.account.balance = None
    told = here(*line(command, tmp_path), "--dry-run", account=sandbox.account_id).err
    assert "; no price for MY\n" in told
    assert "the balance is not known: " in told
    sandbox.faults.plan([Fault.error(1201)])
    told = here(*line(command, tmp_path), account=sandbox.account_id)
    assert (told.code, "the cost is not known: " in told.err) == (0, True), "the run needs no price"
    sandbox.reset()
    for account, needs in ((sandbox.account_id, "there is no price for MY"), ("", "the cost is not known")):
        sandbox.account.outbound.pop("MY", None)
        line_ = (*line(command, tmp_path), "--max-cost", "100", "--dry-run")
        (tmp_path / "run.db").unlink(missing_ok=True)
        told = here(*line_, account=account)
        assert (told.code, needs in told.err) == (2, True), told.err
    sandbox.reset()


PRICES = "Country,Price,Currency\nSG,0.03,eur\nSG,0.05,EUR\nMY,0.1,EUR\n"


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("form", ["csv", "json"])
def test_limits_refuse_what_may_exceed_them(
    sandbox: Sandbox, tmp_path: Path, here: Any, command: str, form: str
) -> None:
    prices = tmp_path / f"prices.{form}"
    prices.write_text(PRICES if form == "csv" else json.dumps(to_dict(price_list())))
    options = (*line(command, tmp_path), "--prices", prices)
    for limit, refused in (
        (("--max-cost", "0.34"), "--max-cost 0.34: it may cost 0.35 EUR; nothing was sent"),
        (("--max-messages", "4"), "--max-messages 4: there are 5 messages to send; nothing was sent"),
    ):
        for more in (("--dry-run",), ()):
            told = here(*options, *limit, *more)
            assert (told.code, refused in told.err, list(sandbox.messages)) == (2, True, []), told.err
        assert not (tmp_path / "run.db").exists()
    told = here(*options, "--max-cost", "0.35", "--max-messages", "5")
    assert (told.code, len(sandbox.messages)) == (0, 5), told.err
    if command == "bulk run":  # settled messages cost nothing again
        again = here("bulk", "run", "--journal", tmp_path / "run.db")
        assert (again.code, len(sandbox.messages)) == (0, 5), again.err
    sandbox.reset()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "No such file"),
        ("country,price\nSG,1\n", "needs the columns country, price, currency"),
        ("country,price,currency\nSG,free,EUR\n", "line 2: must have two letters"),
        ("country,price,currency\nSG,-1,EUR\n", "line 2: must have two letters"),
        ("country,price,currency\nSGP,1,EUR\n", "line 2: must have two letters"),
        ("{}", "is not the price list"),
        ("{", "is not the price list"),
        ("Zo\udce9", "is not UTF-8"),
    ],
)
def test_a_price_list_that_is_none_is_refused(
    sandbox: Sandbox, tmp_path: Path, here: Any, data: str | None, words: str
) -> None:
    if data is not None:
        (tmp_path / "prices.csv").write_bytes(data.encode(errors="surrogateescape"))
    told = here(*line("bulk run", tmp_path), "--prices", tmp_path / "prices.csv")
    assert (told.code, words in told.err, list(sandbox.messages)) == (2, True, []), told.err
    assert not (tmp_path / "run.db").exists()


@pytest.mark.parametrize(
    "limit", [("--max-cost", "much"), ("--max-cost", "nan"), ("--max-cost", "-1"), ("--max-messages", "0")]
)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_limit_that_is_none_is_refused(
    sandbox: Sandbox, tmp_path: Path, here: Any, command: str, limit: tuple[str, str]
) -> None:
    told = here(*line(command, tmp_path), *limit)
    assert (told.code, f"{limit[0]}: must be" in told.err, list(sandbox.messages)) == (2, True, []), told.err


def price_list(**more: str) -> PriceList:
    prices = {"SG": [("0.03", "EUR"), ("0.05", "EUR")], "MY": [("0.1", "EUR")]}
    prices |= {country: [(price, "USD")] for country, price in more.items()}
    outbound = tuple(
        CountryPrices(
            alpha2_code=country,
            operators=tuple(
                OperatorPrice(price=Amount(amount=Decimal(amount), currency=currency)) for amount, currency in found
            ),
        )
        for country, found in prices.items()
    )
    return PriceList(sub_accounts=(SubaccountPrices(outbound=outbound),))


def test_the_words_of_a_cost() -> None:
    balance = AccountBalance(balance=Decimal("1234.5"), currency="EUR")
    assert cost_line(cost({"SG": 2}, price_list()), balance) == "cost: 0.06 to 0.10 EUR; balance 1,234.50 EUR"
    two = cost_line(cost({"SG": 2, "US": 1000}, price_list(US="0.0075")), None)
    assert two == "cost: 0.06 to 0.10 EUR and 7.50 USD (SG 0.06 to 0.10, US 7.50)"
    assert cost_line(cost({"": 2}, price_list()), None) == "cost: not known; no price for an unknown country"


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("answer", "more", "sent"),
    [
        (b"y\n", (), 150),
        (b"YES\n", (), 150),
        (b"n\n", (), 0),
        (b"\n", (), 0),
        (b"\x04", (), 0),
        (None, ("--yes",), 150),
    ],
)
def test_at_a_terminal_many_messages_are_asked_for(
    sandbox: Sandbox, tmp_path: Path, command: str, answer: bytes | None, more: tuple[str, ...], sent: int
) -> None:
    rows = "".join(f"+65912{number:05},N\n" for number in range(150))
    (tmp_path / "people.csv").write_text(f"destination,name\n{rows}")
    ours, theirs = pty.openpty()
    process = start_preloaded(
        *line(command, tmp_path), *more, stdin=theirs, stdout=theirs, stderr=theirs,
        env=environment(sandbox, COLUMNS="200"),
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    try:
        while piece := os.read(ours, 65536):
            seen += piece
            if answer is not None and b"messages? [y/N]" in seen:
                os.write(ours, answer)
                answer = None
    except OSError:  # Linux: the other side is closed
        pass
    os.close(ours)
    code = process.wait(PATIENCE)
    assert answer is None, "it was not asked"
    assert (b"[y/N]" in seen) is (not more)
    assert (code, len(sandbox.messages)) == (0 if sent else 2, sent), seen
    assert (tmp_path / "run.db").exists() is (command == "bulk run" and sent > 0)


@pytest.mark.parametrize("command", COMMANDS)
def test_ctrl_c_at_the_question_sends_nothing(sandbox: Sandbox, tmp_path: Path, command: str) -> None:
    rows = "".join(f"+65912{number:05},N\n" for number in range(150))
    (tmp_path / "people.csv").write_text(f"destination,name\n{rows}")
    ours, theirs = pty.openpty()
    process = start_preloaded(
        *line(command, tmp_path), stdin=theirs, stdout=theirs, stderr=theirs,
        env=environment(sandbox, COLUMNS="200"),
    )  # fmt: skip
    os.close(theirs)
    seen, asked = b"", False
    try:
        while piece := os.read(ours, 65536):
            seen += piece
            if not asked and b"messages? [y/N]" in seen:
                asked = True
                process.send_signal(signal.SIGINT)
                os.write(ours, b"y\n")  # a signal that comes just before Python's read begins does not interrupt it
    except OSError:  # Linux: the other side is closed
        pass
    os.close(ours)
    assert (process.wait(PATIENCE), len(sandbox.messages), b"Traceback" in seen) == (130, 0, False), seen
    assert not (tmp_path / "run.db").exists()


def test_where_nobody_is_at_a_terminal_nothing_is_asked(sandbox: Sandbox, tmp_path: Path, here: Any) -> None:
    rows = "".join(f"+65912{number:05},N\n" for number in range(150))
    (tmp_path / "people.csv").write_text(f"destination,name\n{rows}")
    told = here(*line("send-batch", tmp_path))
    assert (told.code, len(sandbox.messages), "[y/N]" in told.err) == (0, 150, False), told.err
