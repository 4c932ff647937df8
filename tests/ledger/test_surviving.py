"""What a ledger survives: connections cut around COMMIT, crashes of PostgreSQL, poolers, frozen processes, a restored
backup.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import anyio
import psycopg
import pytest
from anyio import to_thread
from held import held
from ledger.postgres_proxy import PostgresProxy
from patience import PATIENCE, seen

from eightbyeight_async import RetryPolicy, Sent, SmsRequest
from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.ledger import Ledger, LedgerError, LedgerLostError, schema
from eightbyeight_async.ledger.connection import Connection
from eightbyeight_async.ledger.schema import VERSION, prepare
from eightbyeight_async.ledger.without_client import LedgerReader

if TYPE_CHECKING:
    from ledger.postgres import OwnDatabase

    from eightbyeight_async import AsyncConnectClient
    from eightbyeight_async.ledger import Outcome
    from eightbyeight_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """These tests check the database; `test_send_once` runs on both event loops."""
    return "asyncio"


def message(number: int = 0) -> SmsRequest:
    return SmsRequest(destination=f"+6581{number:06d}", text="Your code")


def client_of(sandbox: Sandbox) -> AsyncConnectClient:
    return sandbox.client(retry=RetryPolicy.none(), timeout=PATIENCE)


async def send_all(ledger: Ledger, client: AsyncConnectClient, count: int) -> list[Outcome]:
    outcomes: list[Outcome] = []

    async def one(number: int) -> None:
        outcomes.append(await ledger.send_once(client, f"key {number}", message(number)))

    async with anyio.create_task_group() as group:
        for number in range(count):
            group.start_soon(one, number)
    return outcomes


@pytest.mark.parametrize("cut", ["after", "before"])
async def test_a_connection_cut_around_commit_makes_no_doubt_and_no_second_claim(
    postgres: str, name: str, sandbox: Sandbox, cut: str
) -> None:
    with PostgresProxy(postgres) as proxy:
        async with client_of(sandbox) as client, Ledger(proxy.url, name, max_concurrency=10) as ledger:
            for _ in range(4):
                setattr(proxy, f"cut_{cut}_commit", 3)
                outcomes = await send_all(ledger, client, 60)
                assert {outcome.state for outcome in outcomes} == {State.SENT}
            counts = (await ledger.status()).as_dict()
    assert proxy.cuts == 12
    assert {name: count for name, count in counts.items() if count} == {"total": 60, "sent": 60}
    assert sandbox.accepted_counts == {f"key {number}": 1 for number in range(60)}


async def test_a_pooler_may_give_every_transaction_another_server_connection(
    postgres: str, name: str, sandbox: Sandbox
) -> None:
    """As with PgBouncer in transaction mode. `reconcile` keeps rows between its transactions, too."""
    with PostgresProxy(postgres, pooled=True) as proxy:
        async with client_of(sandbox) as client, Ledger(proxy.url, name, max_rate=10_000) as ledger:
            from eightbyeight_async.sandbox import Fault

            sandbox.faults.on_destination("+6581000003", Fault.accept_then_drop())
            await send_all(ledger, client, 40)
            found = await ledger.reconcile(client, lag=1e-9)
            assert (found.sent, found.unknown) == (1, 0)
    assert sandbox.accepted_counts == {f"key {number}": 1 for number in range(40)}


async def test_calls_wait_while_postgres_restarts_after_a_crash(server: OwnDatabase, sandbox: Sandbox) -> None:
    async with client_of(sandbox) as client, Ledger(server.url, "name", max_rate=10_000) as ledger:
        await send_all(ledger, client, 20)
        async with anyio.create_task_group() as group:
            group.start_soon(to_thread.run_sync, server.crash)
            group.start_soon(send_all, ledger, client, 300)
        assert (await ledger.status()).sent == 300
        assert ledger._writer.kept == []
    assert sandbox.accepted_counts == {f"key {number}": 1 for number in range(300)}


async def test_out_of_reach_for_longer_than_the_patience_nothing_is_sent_and_later_it_works_again(
    postgres: str, name: str, sandbox: Sandbox
) -> None:
    """Results of messages in flight are recorded when the database is back, without another call."""
    with PostgresProxy(postgres) as proxy:
        async with client_of(sandbox) as client, Ledger(proxy.url, name, patience=0.2) as ledger:
            outcomes: list[Outcome] = []

            async def early() -> None:
                outcomes.append(await ledger.send_once(client, "early", message()))

            async with anyio.create_task_group() as group:
                with held(sandbox, 0):
                    group.start_soon(early)
                    await seen(lambda: sandbox.traffic.in_flight)
                    proxy.down = True
                    proxy.cut_all()
                    with pytest.raises(LedgerError, match="cannot be used") as raised:
                        await ledger.send_once(client, "key", message())
                assert raised.value.sent is Sent.NO
            assert [(outcome.state, outcome.recorded) for outcome in outcomes] == [(State.SENT, False)]
            assert sandbox.accepted_counts == {"early": 1}
            proxy.down = False
            await seen(lambda: not ledger._writer.kept)
            assert (await ledger.status()).sent == 1
            assert (await ledger.send_once(client, "key", message())).new
            assert not (await ledger.send_once(client, "early", message())).new
    assert sandbox.accepted_counts == {"early": 1, "key": 1}


async def test_a_claim_that_was_committed_while_nobody_was_told_is_released(
    postgres: str, name: str, sandbox: Sandbox
) -> None:
    """Its caller got an error that says "not sent". So the message is not in doubt."""
    with PostgresProxy(postgres) as proxy:
        async with client_of(sandbox) as client, Ledger(proxy.url, name, patience=0.2) as ledger:
            await ledger.send_once(client, "first", message())
            proxy.cut_after_commit, proxy.down_after_cut = 1, True
            with pytest.raises(LedgerError):
                await ledger.send_once(client, "key", message())
            assert proxy.cuts == 1
            proxy.down = False
            await seen(lambda: not ledger._writer.kept)
            status = await ledger.status()
            assert (status.not_sent, status.unknown, status.in_flight) == (1, 0, 0)
            assert (await ledger.send_once(client, "key", message())).new


async def test_a_backup_put_back_or_a_fail_over_that_lacks_claims_is_refused(
    server: OwnDatabase, sandbox: Sandbox
) -> None:
    async with client_of(sandbox) as client, Ledger(server.url, "name") as ledger:
        await send_all(ledger, client, 5)
        backup = await to_thread.run_sync(server.copy)
        await ledger.send_once(client, "after the backup", message(9))
        await to_thread.run_sync(server.put_back, backup)
        # has no claims to compare with, so it learns about the loss only from the process above
        async with Ledger(server.url, "name") as later:
            for _ in range(2):
                with pytest.raises(LedgerLostError, match="lacks claims"):
                    await ledger.send_once(client, "after the backup", message(9))
            with pytest.raises(LedgerError, match="it was stopped: a process found that the database lacks claims"):
                await later.send_once(client, "after the backup", message(9))
    assert sandbox.accepted_counts["after the backup"] == 1
    with LedgerReader(server.url, "name") as reader:
        reader.stop(None)
    async with client_of(sandbox) as client, Ledger(server.url, "name") as later:
        assert (await later.send_once(client, "after the backup", message(9))).new


async def test_an_outcome_that_finds_no_row_for_its_claim_is_not_lost_silently(
    server: OwnDatabase, sandbox: Sandbox
) -> None:
    """Also if no further claim could notice that a backup was restored."""
    async with client_of(sandbox) as client, Ledger(server.url, "name") as ledger:
        await ledger.send_once(client, "first", message())
        backup = await to_thread.run_sync(server.copy)
        outcomes: list[Outcome] = []

        async def call() -> None:
            outcomes.append(await ledger.send_once(client, "key", message()))

        async with anyio.create_task_group() as group:
            with held(sandbox, 0):
                group.start_soon(call)
                await seen(lambda: sandbox.traffic.in_flight)
                await to_thread.run_sync(server.put_back, backup)
        assert [(outcome.state, outcome.recorded) for outcome in outcomes] == [(State.SENT, False)]
        assert isinstance(ledger._writer.failure, LedgerLostError)


async def test_commits_are_durable_whatever_the_role_says(server: OwnDatabase, sandbox: Sandbox) -> None:
    """Each transaction overrides `synchronous_commit=off` of the role; a stricter value stays."""
    seen_values: list[str] = []
    for value, expected in (("off", "on"), ("local", "local")):
        with psycopg.connect(server.url, autocommit=True) as admin:
            admin.execute(f"ALTER ROLE postgres SET synchronous_commit={value}")
        async with client_of(sandbox) as client, Ledger(server.url, f"name {value}") as ledger:
            store: Any = await ledger._writer.do(lambda store: store)
            record = store.record

            def recorded(results: Any, store: Any = store, record: Any = record) -> None:
                seen_values.append(store._db.rows("SHOW synchronous_commit")[0][0])
                record(results)

            store.record = recorded
            await ledger.send_once(client, f"key {value}", message())
        assert seen_values.pop() == expected
        with psycopg.connect(server.url, autocommit=True) as admin:
            admin.execute("ALTER ROLE postgres RESET synchronous_commit")


@pytest.mark.parametrize("where", ["before the check", "after the check"])
async def test_a_process_frozen_between_claim_and_send_does_not_send_after_its_lease(
    postgres: str, name: str, sandbox: Sandbox, where: str
) -> None:
    """During the freeze another process looks up the message, settles it as not sent, and sends it."""
    frozen = subprocess.Popen(  # noqa: ASYNC220, S603
        [sys.executable, "-c", _FREEZES, postgres, name, where], env={**os.environ, **sandbox.environment},
        stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        await to_thread.run_sync(lambda: os.waitpid(frozen.pid, os.WUNTRACED))
        async with client_of(sandbox) as client, Ledger(postgres, name) as ledger:
            ledger._lease._seconds = PATIENCE  # the short lease is only for the process that is frozen
            await ledger.send_once(client, "witness", message(1))
            with anyio.fail_after(PATIENCE):
                while not (await ledger.status()).unknown:
                    await anyio.sleep(0.02)
            found = await ledger.reconcile(client, lag=1e-9)
            assert found.not_sent == 1
            outcome = await ledger.send_once(client, "key", message())
            assert outcome.new
            frozen.send_signal(signal.SIGCONT)
            out, _ = await to_thread.run_sync(frozen.communicate)
            assert (await ledger.send_once(client, "key", message())).umid == outcome.umid
    finally:
        frozen.kill()
        frozen.wait()
    assert sandbox.accepted_counts == {"witness": 1, "key": 1}
    # If the claim was released and made again, the call gets the other process's outcome. If the call was cut off, it
    # must say that the outcome is unknown.
    assert out.decode().split() == (["SENT", "False"] if where == "before the check" else ["UNKNOWN", "True"])


_FREEZES = """
import asyncio, os, signal, sys
from eightbyeight_async import AsyncConnectClient, SmsRequest
from eightbyeight_async.bulk.run.claim_lease import ClaimLease
from eightbyeight_async.ledger import Ledger

url, name, where = sys.argv[1:]
ask = ClaimLease.may_begin
frozen = []

def freezes(lease, claimed):
    before = where == "before the check"
    may = None if before else ask(lease, claimed)
    if not frozen and (before or may):  # a slow machine may need a second claim
        frozen.append(True)
        os.kill(os.getpid(), signal.SIGSTOP)
    return ask(lease, claimed) if before else may

ClaimLease.may_begin = freezes

async def main():
    async with AsyncConnectClient() as client, Ledger(url, name, lease=1.0) as ledger:
        outcome = await ledger.send_once(client, "key", SmsRequest(destination="+6581000000", text="Your code"))
        print(outcome.state.name, outcome.new)

asyncio.run(main())
"""


async def test_a_process_frozen_in_a_transaction_does_not_block_the_others_for_ever(
    postgres: str, name: str, sandbox: Sandbox
) -> None:
    """The server ends its transaction after 10 seconds. The test reads this setting and does not wait."""
    connection = Connection(postgres, 1.0)
    connection.open()
    names = ("idle_in_transaction_session_timeout", "lock_timeout")
    limits = connection.transact(lambda: [connection.rows(f"SHOW {setting}")[0][0] for setting in names])
    connection.close()
    assert limits == ["10s", "20s"]


# --- Tables


async def test_two_processes_that_make_the_tables_at_once_do_not_disturb_each_other(server: OwnDatabase) -> None:
    async def begin() -> None:
        async with Ledger(server.url, "name") as ledger:
            assert (await ledger.status()).total == 0

    for _ in range(3):
        async with anyio.create_task_group() as group:
            for _ in range(6):
                group.start_soon(begin)
        with psycopg.connect(server.url, autocommit=True) as admin:
            steps = admin.execute("SELECT version FROM eightbyeight.version ORDER BY version").fetchall()
            assert steps == [(number,) for number in range(1, VERSION + 1)]
            assert admin.execute("SELECT count(*) FROM eightbyeight.campaign").fetchone() == (1,)
            admin.execute("DROP SCHEMA eightbyeight CASCADE")


async def test_the_tables_of_a_newer_package_are_refused(server: OwnDatabase) -> None:
    connection = Connection(server.url, 1.0)
    prepare(connection)
    connection.rows("INSERT INTO eightbyeight.version VALUES (%(newer)s)", {"newer": VERSION + 1})
    connection.close()
    with pytest.raises(LedgerError, match=f"version {VERSION + 1}, and this package knows {VERSION}"):
        async with Ledger(server.url, "name"):
            pass


async def test_the_tables_of_an_older_package_are_brought_up_also_by_who_only_reads(
    server: OwnDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(schema, "VERSION", 2)
        older.setattr(schema, "_STEPS", schema._STEPS[:2])
        connection = Connection(server.url, 1.0)
        prepare(connection)
        connection.rows("INSERT INTO eightbyeight.campaign (name, salt, lease, made) VALUES ('n', '', 120, 0)")
        connection.rows("INSERT INTO eightbyeight.delivery (id, umid, state) VALUES ('u', 'u', 'sent')")
        connection.close()
    with LedgerReader(server.url, "n") as reader:
        assert schema.check(reader._db) == VERSION
        assert reader.deliveries().accepted == 0
        assert reader.deliveries_of(["u"])["u"].state == "sent"


@pytest.mark.parametrize("user", ["may not", "only reads"])
async def test_who_may_not_change_older_tables_is_told_so(
    server: OwnDatabase, monkeypatch: pytest.MonkeyPatch, user: str
) -> None:
    with monkeypatch.context() as older:
        older.setattr(schema, "VERSION", 2)
        older.setattr(schema, "_STEPS", schema._STEPS[:2])
        connection = Connection(server.url, 1.0)
        prepare(connection)
        connection.rows("CREATE ROLE older_tables LOGIN")
        connection.rows("GRANT USAGE ON SCHEMA eightbyeight TO older_tables")
        connection.rows("GRANT SELECT ON ALL TABLES IN SCHEMA eightbyeight TO older_tables")
    url = server.url.replace("postgres@", "older_tables@")
    if user == "only reads":
        url = f"{server.url}?options=-c%20default_transaction_read_only%3Don"
    with pytest.raises(LedgerError) as caught, LedgerReader(url, "n", patience=0.1):
        pass
    connection.rows("DROP OWNED BY older_tables")
    connection.rows("DROP ROLE older_tables")
    connection.close()
    assert f"version 2, this package needs {VERSION} and could not change them" in caught.value.reason
    assert ("permission denied" if user == "may not" else "read-only") in caught.value.reason


async def test_a_user_that_may_not_make_tables_uses_those_that_are_there(server: OwnDatabase, sandbox: Sandbox) -> None:
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute("CREATE ROLE plain LOGIN")
    plain = server.url.replace("postgres@", "plain@")
    with pytest.raises(LedgerError, match="permission denied"):
        async with Ledger(plain, "name"):
            pass
    async with Ledger(server.url, "name"):
        pass
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute("GRANT USAGE ON SCHEMA eightbyeight TO plain")
        admin.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA eightbyeight TO plain")
    async with client_of(sandbox) as client, Ledger(plain, "name", max_rate=100) as ledger:
        assert (await ledger.send_once(client, "key", message())).new


async def test_a_process_warns_once_of_a_database_without_fsync(
    server: OwnDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("name", "name", "other"):
        async with Ledger(server.url, name):
            pass
    assert ["fsync=off" in record.getMessage() for record in caplog.records] == [True]
