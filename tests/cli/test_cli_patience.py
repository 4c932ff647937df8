"""`send-each` and `send-batch` without network, and after a 429: with `--keep-trying` they wait, and say why."""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from cli.test_cli_commands import csv_file
from forwarding import closed_port, forwarded

from eightbyeight_async import EightByEightError, RateLimitError, Sent, TransportError
from eightbyeight_async.cli.sending.outcome_counts import OutcomeCounts
from eightbyeight_async.cli.sending.patience import Patience
from eightbyeight_async.cli.terminal.plain_progress import file_run_line, requests_words, time_left
from eightbyeight_async.sandbox import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from cli.command_line import Here

    from eightbyeight_async.sandbox import Sandbox

COMMANDS = [("send-each",), ("send-batch", "--chunk-size", "3")]
each_command = pytest.mark.parametrize("command", COMMANDS, ids=["each", "batch"])


def behind(port: int) -> dict[str, str]:
    return {"EIGHTBYEIGHT_SMS_BASE_URL": f"https://localhost:{port}"}


@each_command
def test_without_network_it_stops_before_it_has_taken_the_file(
    command: tuple[str, ...], sandbox: Sandbox, tmp_path: Path, here: Here
) -> None:
    file = csv_file(tmp_path / "a.csv", 40)
    ended = here(*command, file, "--text", "Hi", "--concurrency", 1, sandbox=sandbox, **behind(closed_port()))
    tried = {"send-each": 20, "send-batch": 6}[command[0]]
    assert {record["outcome"] for record in ended.records} == {"failed"}
    assert tried <= len(ended.records) <= tried + 1  # `send-each` may have taken one more row
    assert ended.code == 1
    assert "stopped: the API cannot be reached" in ended.err
    assert f"{40 - len(ended.records)} rows were not tried" in ended.err


@each_command
def test_with_keep_trying_it_waits_for_the_network_and_sends_everything_once(
    command: tuple[str, ...], sandbox: Sandbox, tmp_path: Path, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, told, pause_after = closed_port(), [], Patience._pause_after

    def the_network_comes(patience: Patience, error: EightByEightError, began: float) -> float | None:
        pause = pause_after(patience, error, began)
        if pause is not None and not told:
            told.append(file_run_line(OutcomeCounts(10, pauses=patience), 0))
            network.enter_context(forwarded(port, sandbox.sms_base_url))
        return pause

    monkeypatch.setattr(Patience, "_pause_after", the_network_comes)
    with ExitStack() as network:
        options = ("--text", "Hi", "--keep-trying", "60s", "--output", tmp_path / "sent.jsonl")
        ended = here(*command, csv_file(tmp_path / "a.csv", 10), *options, sandbox=sandbox, **behind(port))
    assert ended.code == 0, ended.err
    records = [json.loads(line) for line in (tmp_path / "sent.jsonl").read_text().splitlines()]
    assert sorted(record["row"] for record in records) == list(range(1, 11))
    assert len({message.destination for message in sandbox.messages}) == len(sandbox.messages) == 10
    assert "; 8x8 cannot be reached: next try in " in told[0]


@each_command
def test_a_429_is_waited_for_and_every_message_is_sent_once(
    command: tuple[str, ...], sandbox: Sandbox, tmp_path: Path, here: Here
) -> None:
    sandbox.faults.plan([None, Fault.too_many_requests(retry_after=0.05), Fault.too_many_requests(retry_after=0.05)])
    options = ("--text", "Hi", "--concurrency", 1, "--keep-trying", "1m")
    ended = here(*command, csv_file(tmp_path / "a.csv", 9), *options, sandbox=sandbox)
    assert (ended.code, len(sandbox.messages)) == (0, 9), ended.err
    assert [record["outcome"] for record in ended.records] == ["accepted"] * 9


@each_command
def test_without_keep_trying_a_429_is_a_failed_message(
    command: tuple[str, ...], sandbox: Sandbox, tmp_path: Path, here: Here
) -> None:
    sandbox.faults.plan([Fault.too_many_requests(retry_after=0.05)])
    ended = here(*command, csv_file(tmp_path / "a.csv", 6), "--text", "Hi", "--concurrency", 1, sandbox=sandbox)
    failed = {"send-each": 1, "send-batch": 3}[command[0]]
    assert (ended.code, len(sandbox.messages)) == (1, 6 - failed)


@each_command
def test_what_is_no_duration_is_refused_in_the_dry_run_too(
    command: tuple[str, ...], sandbox: Sandbox, tmp_path: Path, here: Here
) -> None:
    for more in ((), ("--dry-run",)):
        options = ("--text", "Hi", "--keep-trying", "soon", *more)
        ended = here(*command, csv_file(tmp_path / "a.csv"), *options, sandbox=sandbox)
        assert (ended.code, "--keep-trying: must be a duration" in ended.err) == (2, True)


# --- by a clock of the test


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def limited(after: float | None) -> RateLimitError:
    return RateLimitError(status_code=429, code=None, retry_after=after, sent=Sent.NO)


def waiting(clock: Clock, keep_trying: float = 60.0) -> Patience:
    return Patience(keep_trying, 20, lambda _: None, clock)


def test_the_pause_of_one_holds_for_all_and_is_told() -> None:
    async def run() -> None:
        patience, calls = waiting(Clock()), []

        async def send() -> str:
            calls.append(1)
            raise limited(8.0)

        first = asyncio.create_task(patience.attempt(send))
        while not patience.paused:
            await asyncio.sleep(0)
        assert (patience.paused, patience.unreachable, len(calls)) == (8.0, None, 1)
        line = file_run_line(OutcomeCounts(10, pauses=patience), 2.0)
        assert line.endswith("00:05 left; paused for 8 s, as 8x8 asks (too many requests)")
        other = asyncio.create_task(patience.attempt(send))
        await asyncio.sleep(0)
        patience.halt()
        with pytest.raises(RateLimitError):
            await first
        with pytest.raises(TransportError, match="stopped before this message was tried") as never:
            await other
        assert (never.value.sent, len(calls)) == (Sent.NO, 1)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("error", "tried_again"),
    [
        (limited(1.0), True),
        (limited(None), True),
        (limited(61.0), False),
        (TransportError("refused", sent=Sent.NO), True),
        (TransportError("reset", sent=Sent.MAYBE), False),
    ],
)
def test_only_what_certainly_did_not_go_out_is_tried_again(error: EightByEightError, tried_again: bool) -> None:
    assert (waiting(Clock())._pause_after(error, 1000.0) is not None) is tried_again
    assert waiting(Clock(), 0.0)._pause_after(error, 1000.0) is None


def test_a_gateway_that_says_429_for_ever_is_not_asked_for_ever() -> None:
    clock = Clock()
    patience, waited = waiting(clock), 0.0
    while (pause := patience._pause_after(limited(7.0), clock.now)) is not None:
        clock.now += pause
        waited += pause
    assert waited == 56.0


def test_a_bar_of_batches_tells_the_requests_as_well_as_the_messages() -> None:
    assert requests_words(2, 20_000) == "2 requests"
    assert requests_words(1, 10_000) == "1 request"
    assert requests_words(500, 500) == requests_words(520, 500) == requests_words(0, 0) == ""


def test_the_end_of_a_bar() -> None:
    assert time_left(65.0, 0.0, None) == "01:05"
    assert time_left(65.0, 8.0, None) == "paused 8 s (429), 01:05"
    assert time_left(None, 8.0, 90.0) == "no network, 01:30 left"
    assert time_left(None, 0.0, None) == ""
