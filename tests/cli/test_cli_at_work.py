"""`bulk status` of a ledger shows the workers of a campaign and their work. `--follow` ends when all workers have
ended.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sys
from typing import TYPE_CHECKING, Any

import anyio
import psycopg
import pytest
from cli.command_line import in_process

from eightbyeight_async import SmsRequest
from eightbyeight_async.bulk.store.records import CLAIMED, Account, Claim
from eightbyeight_async.cli.bulk.at_work_words import at_work_json, at_work_line, at_work_lines
from eightbyeight_async.ledger.at_work import AtWork, ChunkLeft, Worker
from eightbyeight_async.ledger.store import LedgerStore
from eightbyeight_async.ledger.without_client import LedgerReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.command_line import Ended

ME = f"{socket.gethostname()}, process {os.getpid()}"


@pytest.fixture
def name(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"{request.node.name} {tmp_path}"[-200:]


@pytest.fixture
def status(postgres: str, name: str, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    def call(*more: object) -> Ended:
        return in_process("bulk", "status", *more, "--campaign", name, capsys=capsys, EIGHTBYEIGHT_LEDGER=postgres)

    return call


@pytest.fixture
def stores(postgres: str, name: str) -> Any:
    """Two processes of the campaign: the first one has claimed three messages, the second one has claimed one."""
    account = Account("sms.8x8.com", "acme")
    opened = [LedgerStore(postgres, name, account=account) for _ in range(2)]
    for store, places in zip(opened, ([0, 1, 2], [3]), strict=True):
        claim(store, places)
    yield opened
    for store in opened:
        store.close()


def claim(store: LedgerStore, places: list[int]) -> None:
    store.transact(store.begin_run)
    several = [
        Claim(
            store.last_id + number,
            store._keys.of(SmsRequest(destination=f"+6581{place:06d}", text="Hi", client_message_id=f"m{place}")),
            place,
        )
        for number, place in enumerate(places, 1)
    ]
    assert store.transact(lambda: store.claim(several)) == [CLAIMED] * len(places)


def chunks(url: str, name: str, *, take: int) -> None:
    """Five chunks of 20 messages; some of them are taken."""
    from eightbyeight_async.ledger.workers import Chunks

    async def fill() -> None:
        async with Chunks(url, name) as queue:
            await queue.begin("digest", 100, 20)
            for _ in range(take):
                assert await queue.take(lambda: False) is not None

    anyio.run(fill)


def change(url: str, name: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as admin:
        found = admin.execute("SELECT id FROM eightbyeight.campaign WHERE name=%s", [name]).fetchone()
        assert found is not None
        admin.execute(statement.replace("CAMPAIGN", str(found[0])).encode())


def test_processes_and_chunks_are_told_in_words_and_in_json(
    stores: list[LedgerStore], postgres: str, name: str, status: Callable[..., Ended]
) -> None:
    pytest.importorskip("pgqueuer")
    chunks(postgres, name, take=2)
    change(postgres, name, "UPDATE eightbyeight.pgqueuer SET heartbeat=now() - interval '31 s' "
           "WHERE entrypoint='eightbyeight CAMPAIGN' AND convert_from(payload, 'UTF8')='[0, 20]'")  # fmt: skip
    first, *lines = [re.sub(r"[\d.,]+ a second, the last write [\d.]+ s ago|3\d(?= s; )", "...", line)
                     for line in status().out.splitlines()]  # fmt: skip
    assert first.startswith("4 messages: 0 sent")
    assert lines == [
        "2 processes at work",
        f"  {ME}: 3 claims, ...",
        f"  {ME}: 1 claim, ...",
        "5 chunks left: 4 waiting, 1 at work",
        "  messages 1 to 20: its process has said nothing for ... s; the next one that is free takes it",
        "  messages 21 to 40: at work",
    ]
    told = json.loads(status("--json").out)
    assert [(one["host"], one["pid"], one["claims"]) for one in told["workers"]] == [
        (socket.gethostname(), os.getpid(), 3), (socket.gethostname(), os.getpid(), 1),
    ]  # fmt: skip
    assert told["chunks"] == {"waiting": 4, "at_work": [{"first": 21, "last": 40}]}
    assert told["stopped"] is None


def test_who_has_ended_or_is_silent_is_not_at_work(
    stores: list[LedgerStore], postgres: str, name: str, status: Callable[..., Ended]
) -> None:
    stores[1].close()
    assert len(json.loads(status("--json").out)["workers"]) == 1
    # as if the process was killed 16 s ago
    change(postgres, name, "UPDATE eightbyeight.session SET at=at-16 WHERE campaign=CAMPAIGN")
    assert json.loads(status("--json").out)["workers"] == []
    assert status().out.splitlines()[1:] == ["no process at work"]


def test_a_stop_is_told(stores: list[LedgerStore], postgres: str, name: str, status: Callable[..., Ended]) -> None:
    with LedgerReader(postgres, name) as reader:
        reader.stop("wrong text")
    assert status().out.splitlines()[-1] == "stopped: wrong text"
    assert json.loads(status("--json").out)["stopped"] == "wrong text"


def test_a_machine_without_the_engine_sees_the_chunks(
    stores: list[LedgerStore],
    postgres: str,
    name: str,
    status: Callable[..., Ended],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("pgqueuer")
    chunks(postgres, name, take=1)
    monkeypatch.setitem(sys.modules, "pgqueuer", None)
    monkeypatch.delitem(sys.modules, "eightbyeight_async.ledger.workers")
    assert json.loads(status("--json").out)["chunks"] == {"waiting": 4, "at_work": [{"first": 1, "last": 20}]}


def test_follow_goes_on_while_a_chunk_is_at_work_and_ends_when_everybody_has_ended(
    stores: list[LedgerStore], postgres: str, name: str
) -> None:
    """A process that waits for 8x8 writes nothing for minutes, but it reports that it works on its chunk."""
    pytest.importorskip("pgqueuer")
    from eightbyeight_async.cli.bulk.journal_or_ledger import LedgerPlace

    chunks(postgres, name, take=1)
    change(postgres, name, "UPDATE eightbyeight.session SET at=at-60 WHERE campaign=CAMPAIGN")
    looks = LedgerPlace(postgres, name, from_environment=True).follow(0.01)
    for _ in range(3):
        _, found = next(looks)
        assert (found.workers, found.anybody) == ([], True)
    change(postgres, name, "DELETE FROM eightbyeight.pgqueuer WHERE entrypoint='eightbyeight CAMPAIGN'")
    assert not next(looks)[1].anybody
    assert list(looks) == []


def test_follow_tells_it_in_one_line(stores: list[LedgerStore], name: str, status: Callable[..., Ended]) -> None:
    stores[1].close()
    stores[0].close()
    assert status("--follow").out.splitlines()[-1].endswith("0 not sent; no process at work")
    assert json.loads(status("--follow", "--json").out.splitlines()[-1])["workers"] == []


def test_the_words() -> None:
    one = Worker("a", 4711, 1_000, 10.0, 0.0, 0.25)
    several = [ChunkLeft(0, 20_000, 1.0), ChunkLeft(20_000, 20_000, None)]
    assert at_work_line(AtWork([one], several, None)) == "1 process at work, 1 chunk waiting, 1 at work"
    assert at_work_line(AtWork([one, one], [], "why")) == "2 processes at work, stopped"
    many = at_work_lines(AtWork([one] * 22, [], None))
    assert (many[0], len(many), many[-1]) == ("22 processes at work", 22, "  and 2 more")
    assert many[1] == "  a, process 4711: 1,000 claims, 100 a second, the last write 0.2 s ago"
    # but one process reports that it works on its chunk
    waits = "no process has claimed or recorded anything in the last 15 s"
    assert at_work_line(AtWork([], several, None)) == f"{waits}, 1 chunk waiting, 1 at work"
    assert at_work_line(AtWork([], several[1:], None)) == "no process at work, 1 chunk waiting, 0 at work"
    assert at_work_lines(AtWork([], several, None))[2] == "  messages 1 to 20,000: at work"
    assert at_work_json(AtWork([one], several, None)) == {
        "workers": [{"host": "a", "pid": 4711, "claims": 1_000, "last_write": "1970-01-01T00:00:00.000+00:00"}],
        "chunks": {"waiting": 1, "at_work": [{"first": 1, "last": 20_000}]},
        "stopped": None,
    }
