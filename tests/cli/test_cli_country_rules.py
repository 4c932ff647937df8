"""`--rules` and `--rate-for`: sender, rate and window by country, in the plan and in the run of all three commands."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from eightbyeight_async import InvalidRequestError, SmsRequest
from eightbyeight_async.bulk import Campaign
from eightbyeight_async.bulk.run.group_rates import GroupRates
from eightbyeight_async.cli.exit_codes import UsageError
from eightbyeight_async.cli.reading.country_rules import CountryRules

if TYPE_CHECKING:
    from pathlib import Path

    from cli.command_line import Ended, Here

    from eightbyeight_async.sandbox import Sandbox

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)  # 20:00 in Singapore, a Thursday
ROWS = ["+6591110001,", "+6591110002,OWN", "+60123456701,", "+447700900001,", "91110003,"]
COMMANDS = ["send-each", "send-batch", "bulk run"]


@pytest.fixture
def run(sandbox: Sandbox, tmp_path: Path, here: Here) -> Any:
    (tmp_path / "a.csv").write_text("\n".join(["destination,source", *ROWS]))

    def call(command: str, rules: str | None, *more: object) -> Ended:
        words: list[object] = [*command.split(), tmp_path / "a.csv", "--text", "Hi", "--default-country", "SG", *more]
        if rules is not None:
            (tmp_path / "rules.toml").write_text(rules)
            words += ["--rules", tmp_path / "rules.toml"]
        if command == "bulk run":
            words += ["--journal", tmp_path / "run.db"]
        return here(*words, sandbox=sandbox)

    return call


@pytest.mark.parametrize("command", COMMANDS)
def test_the_sender_is_that_of_the_country_unless_the_row_has_one(command: str, sandbox: Sandbox, run: Any) -> None:
    rules = '\ufeff[SG]\nsource = "ACME"\n[my]\nsource = "ACME MY"\n[US]\nsource = "X"\n'
    for more in (("--dry-run",), ()):
        ended = run(command, rules, "--source", "OTHER", *more)
        assert ended.code == 0, ended.err
        assert "SG: sender ACME\n" in ended.err
        assert "US: " not in ended.err, "nobody is there"
    found = {message.destination.lstrip("+"): message.source for message in sandbox.messages}
    assert found == {
        "6591110001": "ACME", "6591110002": "OWN", "60123456701": "ACME MY", "447700900001": "OTHER",
        "91110003": "ACME",
    }  # fmt: skip


@pytest.mark.parametrize("command", ["send-each", "bulk run"])
def test_a_rate_holds_for_its_country(
    command: str, sandbox: Sandbox, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: Counter[object] = Counter()
    reserve = GroupRates.reserve

    def spy(self: GroupRates, request: SmsRequest) -> float:
        assert self._group_of is not None
        seen[self._group_of(request)] += 1
        return reserve(self, request)

    monkeypatch.setattr(GroupRates, "reserve", spy)
    for more in (("--dry-run",), ()):
        ended = run(command, "[SG]\nrate = 5000\n[MY]\nrate = 7\n", "--rate-for", "sg = 2000", *more)
        assert ended.code == 0, ended.err
        assert "SG: at most 2000 messages a second\n" in ended.err
    assert len(sandbox.messages) == 5
    assert seen == {("SG", 2000.0): 3, ("MY", 7.0): 1, None: 1}


def test_the_plan_takes_as_long_as_the_slowest_country(run: Any) -> None:
    ended = run("send-each", None, "--rate-for", "SG=0.5", "--dry-run")
    assert "takes at least 6 s\n" in ended.err
    for rate, words in ((100, "takes at least 6 s\n"), (0.5, "takes at least 10 s at 0.5 a second\n")):
        assert words in run("send-each", None, "--rate-for", "SG=0.5", "--rate", rate, "--dry-run").err


@pytest.mark.parametrize("more", [("--dry-run",), ()])
def test_batches_keep_no_rate_and_are_refused(sandbox: Sandbox, run: Any, more: tuple[str, ...]) -> None:
    for command, mode in (("send-batch", ()), ("bulk run", ("--mode", "batch"))):
        ended = run(command, None, "--rate-for", "SG=5", *mode, *more)
        assert (ended.code, "a batch goes out at once" in ended.err, len(sandbox.messages)) == (2, True, 0)


@pytest.mark.parametrize("command", COMMANDS)
def test_who_is_outside_the_window_of_a_country_is_scheduled(command: str, sandbox: Sandbox, run: Any) -> None:
    """In Singapore, the window opens in three hours, so it is closed now."""
    now = datetime.now(UTC)
    hour = (now.hour + 8 + 3) % 24  # in three hours, Singapore time
    ended = run(command, f'[SG]\nwindow = "{hour:02}:00-{hour:02}:59"\n')
    assert ended.code == 0, ended.err
    scheduled = {message.destination.lstrip("+") for message in sandbox.messages if message.scheduled is not None}
    assert scheduled == {"6591110001", "6591110002", "91110003"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[SG", "is not TOML"),
        (f"a = {'[' * 5_000}{']' * 5_000}", "is not TOML: nested too deeply"),
        (f"[SG]\nrate = {'9' * 5_000}", "is not TOML"),
        ("SG = 1", "SG: must be a table"),
        ("[Singapore]\nrate = 1", "must name a country by its two letters"),
        ("[XX]\nrate = 1", "must name a country by its two letters"),
        ("[SG]\nrate = 1\n[sg]\nrate = 2", "SG: is there twice"),
        ("[SG]\nwindw = '09:00-20:00'", "SG: 'windw' is none of source, rate, window, weekdays"),
        ("[SG]\nrate = 0", "SG: rate: must be a number of messages a second above 0"),
        ("[SG]\nrate = inf", "SG: rate: must be a number of messages a second above 0"),
        ("[SG]\nrate = true", "SG: rate: must be a number"),
        ("[SG]\nrate = '5'", "SG: rate: must be a number"),
        ("[SG]\nsource = 5", "SG: source: must be a text in quotes"),
        ("[SG]\nsource = 'a sender id that is too long'", "SG: source: must be at most 16 characters"),
        ("[SG]\nweekdays = 1", "SG: weekdays: must be true or false"),
        ("[SG]\nwindow = '20:00-09:00'", "SG: window: must be open for at least 15 minutes"),
        ("[SG]\nwindow = 'day'", "SG: window: must be two times of day"),
    ],
)
def test_what_means_nothing_in_the_file_is_refused(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(text)
    with pytest.raises(UsageError) as refused:
        CountryRules.read(str(file), [], NOW)
    assert str(refused.value).startswith("--rules rules.toml: ")
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["SG"], "must be a number of messages a second above 0"),
        (["SG="], "above 0"),
        (["SG=fast"], "above 0"),
        (["SG=-1"], "above 0"),
        (["SG=nan"], "above 0"),
        (["100"], "must name a country by its two letters"),
        (["SG=1", "sg=2"], "one country is given twice"),
    ],
)
def test_a_rate_that_is_none_is_refused(options: list[str], words: str) -> None:
    with pytest.raises(UsageError, match="--rate-for") as refused:
        CountryRules.read(None, options, NOW)
    assert words in str(refused.value)


def test_a_file_that_is_missing_is_told(run: Any, tmp_path: Path) -> None:
    ended = run("send-each", None, "--rules", tmp_path / "none.toml")
    assert (ended.code, "--rules none.toml: No such file" in ended.err) == (2, True)


# --- the library


def test_each_group_has_a_pace_of_its_own() -> None:
    rates = GroupRates(lambda request: ("a" if request.destination[1] == "6" else "b", 2.0), lambda: 100.0)
    a, b = SmsRequest(destination="+6591110001", text="x"), SmsRequest(destination="+447700900001", text="x")
    assert [rates.reserve(one) for one in (a, a, b, a, b)] == [0.0, 0.5, 0.0, 1.0, 0.5]
    assert GroupRates(None, lambda: 100.0).reserve(a) == 0.0


def test_a_campaign_with_groups_sends_one_by_one(sandbox: Sandbox, tmp_path: Path) -> None:
    messages = [SmsRequest(destination=f"+659111{n:04}", text="x") for n in range(5)]

    async def send() -> tuple[str, int]:
        async with sandbox.client() as client:
            options: dict[str, Any] = {"group_rate": lambda _: ("SG", 1000.0)}
            with pytest.raises(InvalidRequestError, match="a batch goes out at once"):
                Campaign(client, tmp_path / "run.db", mode="batch", **options)
            async with Campaign(client, tmp_path / "run.db", **options) as campaign:
                report = await campaign.send(messages)
                return report.mode, report.accepted

    assert asyncio.run(send()) == ("each", 5)


def test_a_stopped_campaign_does_not_wait_for_a_slow_group(sandbox: Sandbox, tmp_path: Path) -> None:
    messages = [SmsRequest(destination=f"+659111{n:04}", text="x") for n in range(5)]

    async def send() -> tuple[int, int, int]:
        async with sandbox.client() as client:
            campaign = Campaign(
                client, tmp_path / "run.db", group_rate=lambda _: ("SG", 0.001), on_result=lambda _: campaign.stop()
            )
            async with campaign:
                report = await campaign.send(messages)
                return report.accepted, report.unknown, report.status.unknown

    assert asyncio.run(send()) == (1, 0, 0)
    assert len(sandbox.messages) == 1
