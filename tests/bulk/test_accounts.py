"""A journal belongs to a host and a sub-account. Others are refused before anything else, unless the caller allows
them.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from bulk.killed import contents
from cli.command_line import Ended, in_process
from shared_sandbox import emptied

from eightbyeight_async import AsyncConnectClient, AuthenticationError, SmsRequest
from eightbyeight_async.bulk import AccountChangedError, Campaign, State, read_rows, status
from eightbyeight_async.bulk.judging.message_keys import Keys
from eightbyeight_async.bulk.store.journal import Journal
from eightbyeight_async.bulk.store.records import Account, Claim, Policy
from eightbyeight_async.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from pathlib import Path

    from eightbyeight_async.bulk import Report

OTHER = "other-account"


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[tuple[Sandbox, Sandbox]]:
    with Sandbox(more_subaccount_ids=[OTHER]) as one, Sandbox(more_subaccount_ids=[OTHER]) as two:
        yield one, two


@pytest.fixture
def sandbox(sandboxes: tuple[Sandbox, Sandbox]) -> Sandbox:
    for one in sandboxes:
        emptied(one)
        one.exports.polls = 0  # a job that is not ready at the first look makes the test wait 2 s
    return sandboxes[0]


@pytest.fixture
def another_host(sandboxes: tuple[Sandbox, Sandbox], sandbox: Sandbox) -> Sandbox:
    return sandboxes[1]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "run.db"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text("".join(["destination\n", *(f"+6581{i:06d}\n" for i in range(6))]))
    return path


def messages(count: int, **fields: Any) -> list[SmsRequest]:
    return [SmsRequest(destination=f"+6581{i:06d}", text="Your code", **fields) for i in range(count)]


def send(client: AsyncConnectClient, journal: Path, given: list[SmsRequest], **options: Any) -> Report:
    async def call() -> Report:
        async with client, Campaign(client, journal, **{"mode": "each", **options}) as campaign:
            return await campaign.send(iter(given))

    return asyncio.run(call())


def settle(client: AsyncConnectClient, journal: Path, what: str, **options: Any) -> Any:
    async def call() -> Any:
        async with client, Campaign(client, journal, allow_changed_account=True) as campaign:
            return await getattr(campaign, what)(**options)

    return asyncio.run(call())


def bulk(*words: object, sandbox: Sandbox, capsys: pytest.CaptureFixture[str], **more: str) -> Ended:
    return in_process("bulk", *words, sandbox=sandbox, capsys=capsys, **more)


def name_of(sandbox: Sandbox, subaccount_id: str = "sandbox-account") -> str:
    return f"sub-account {subaccount_id} at {sandbox.sms_base_url.removeprefix('https://')}"


# --- The library


@pytest.mark.parametrize("other", ["sub-account", "host", "view"])
def test_another_account_is_refused_and_nothing_is_written(
    other: str, sandbox: Sandbox, another_host: Sandbox, journal: Path
) -> None:
    send(sandbox.client(), journal, messages(3))
    before = contents(journal.parent)
    sandbox.reset()
    client = {
        "sub-account": sandbox.client(subaccount_id=OTHER),
        "host": another_host.client(),
        "view": sandbox.client().with_options(subaccount_id=OTHER),
    }[other]
    now = name_of(another_host) if other == "host" else name_of(sandbox, OTHER)
    with pytest.raises(AccountChangedError) as caught:
        send(client, journal, messages(6))
    assert (str(caught.value.before), str(caught.value.now)) == (name_of(sandbox), now)
    assert name_of(sandbox) in str(caught.value)
    assert now in str(caught.value)
    assert contents(journal.parent) == before
    assert sandbox.messages == another_host.messages == []
    assert send(sandbox.client(), journal, messages(3)).known == 3


def test_a_killed_campaigns_journal_is_refused_too_and_keeps_its_log(sandbox: Sandbox, tmp_path: Path) -> None:
    """Opening it for writing would settle its open claims, and SQLite would remove its log."""
    from bulk.killed import kill

    journal = tmp_path / "run.db"
    kill(sandbox, journal)
    before = contents(tmp_path)
    assert "run.db-wal" in before
    with pytest.raises(AccountChangedError):
        send(sandbox.client(subaccount_id=OTHER), journal, messages(6))
    assert contents(tmp_path) == before


def test_a_change_that_is_meant_goes_on_and_sends_nothing_twice(
    sandbox: Sandbox, another_host: Sandbox, journal: Path
) -> None:
    send(sandbox.client(), journal, messages(3))
    report = send(another_host.client(), journal, messages(5), allow_changed_account=True)
    assert (report.known, report.accepted, len(another_host.messages)) == (3, 2, 2)
    # From now on the journal belongs to the other account.
    assert send(another_host.client(), journal, messages(5)).known == 5
    with pytest.raises(AccountChangedError):
        send(sandbox.client(), journal, messages(5))


def test_a_change_that_claimed_nothing_changes_nothing(sandbox: Sandbox, another_host: Sandbox, journal: Path) -> None:
    send(sandbox.client(), journal, messages(3))
    assert send(another_host.client(), journal, messages(3), allow_changed_account=True).known == 3
    assert send(sandbox.client(), journal, messages(3)).known == 3


def test_a_journal_of_which_nothing_was_sent_is_free(sandbox: Sandbox, another_host: Sandbox, journal: Path) -> None:
    """A wrong key releases all claims, so any other settings may be the right ones."""
    with pytest.raises(AuthenticationError):
        send(sandbox.client(api_key="wrong"), journal, messages(3))
    assert {row.state for row in read_rows(journal)} == {State.NOT_SENT}
    assert send(another_host.client(), journal, messages(3)).accepted == 3
    with pytest.raises(AccountChangedError):
        send(sandbox.client(), journal, messages(3))


@pytest.mark.parametrize(
    ("fault", "state"),
    [(Fault.accept_then_drop(), State.UNKNOWN), (Fault.error(1002, status=400), State.FAILED)],
    ids=["unknown", "failed"],
)
def test_one_message_of_which_more_is_known_makes_it_somebodys(
    fault: Fault, state: State, sandbox: Sandbox, another_host: Sandbox, journal: Path
) -> None:
    sandbox.faults.on_destination("+6581000000", fault)
    send(sandbox.client(), journal, messages(1))
    assert [row.state for row in read_rows(journal)] == [state]
    with pytest.raises(AccountChangedError):
        send(another_host.client(), journal, messages(3))


@pytest.mark.parametrize(
    ("host", "same", "others"),
    [
        (
            "sms.8x8.uk",
            [
                {"region": "europe"},
                {"sms_base_url": "https://sms.8x8.uk"},
                {"sms_base_url": "https://SMS.8x8.UK:443/"},
                {"region": "indonesia", "sms_base_url": "https://sms.8x8.uk"},
                {"region": "europe", "chatapps_base_url": "https://chatapps.8x8.com"},
            ],
            [{}, {"region": "indonesia"}, {"sms_base_url": "https://sms.8x8.uk:8443"}],
        ),
        (
            "gate.example/eu",
            [{"sms_base_url": "https://gate.example/eu/"}],
            [{"sms_base_url": "https://gate.example/us"}, {"sms_base_url": "https://gate.example"}],
        ),
        ("localhost", [{"sms_base_url": "http://localhost:80"}], [{"sms_base_url": "http://localhost:443"}]),
    ],
)
def test_a_host_is_the_same_by_whatever_setting_it_is_named(
    host: str,
    same: list[dict[str, str]],
    others: list[dict[str, str]],
    journal: Path,
    table: Path,
    capsys: pytest.CaptureFixture[str],
    tls: ssl.SSLContext,
) -> None:
    store = Journal(journal, "process", lambda: 1.0, account=Account(host, "acme"), policy=Policy())
    store.transact(store.begin_run)
    identity = Keys(store.salt).of(messages(1)[0])
    store.transact(lambda: store.claim([Claim(1, identity, 0)]))
    store.close()

    async def open_with(settings: dict[str, str]) -> None:
        client = AsyncConnectClient("key", "acme", ssl_context=tls, **settings)  # type: ignore[arg-type]
        async with client, Campaign(client, journal):
            pass

    def dry_run(settings: dict[str, str]) -> int:
        options = [word for name, value in settings.items() for word in (f"--{name.replace('_', '-')}", value)]
        words = ("bulk", "run", table, "--text", "x", "--journal", journal, "--dry-run", "--subaccount-id", "acme")
        return in_process(*words, *options, capsys=capsys).code

    for settings in same:
        asyncio.run(open_with(settings))
        assert dry_run(settings) == 0
    for settings in others:
        with pytest.raises(AccountChangedError):
            asyncio.run(open_with(settings))
        assert dry_run(settings) == 2


# --- The command line


@pytest.mark.parametrize("words", [("run",), ("run", "--dry-run"), ("reconcile",), ("cancel",)], ids=" ".join)
@pytest.mark.parametrize("other", ["host", "sub-account"])
def test_commands_refuse_another_account_before_they_read_the_file(
    words: tuple[str, ...], other: str, sandbox: Sandbox, another_host: Sandbox, table: Path, journal: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The user rehearses in the sandbox, then runs the real settings with the same journal. Without the refusal nobody
    would get a message, and the exit code would be 0.
    """
    given = ("run", table, "--text", "x", "--journal", journal)
    assert bulk(*given, sandbox=sandbox, capsys=capsys).code == 0
    table.unlink()
    before = contents(journal.parent)
    sandbox.reset()
    there = another_host if other == "host" else sandbox
    more = [] if other == "host" else ["--subaccount-id", OTHER]
    ended = bulk(*words, "--journal", journal, *more, sandbox=there, capsys=capsys)
    assert (ended.code, ended.out) == (2, "")
    last = ended.err.splitlines()[-1]
    assert name_of(sandbox) in last
    assert name_of(there, OTHER if more else "sandbox-account") in last
    assert "--allow-changed-account" in last
    assert contents(journal.parent) == before
    assert sandbox.totals["requests"] == another_host.totals["requests"] == 0


def test_a_dry_run_without_a_sub_account_compares_the_host(
    sandbox: Sandbox, another_host: Sandbox, table: Path, journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("run", table, "--text", "x", "--journal", journal)
    bulk(*given, sandbox=sandbox, capsys=capsys)
    for there, code in ((sandbox, 0), (another_host, 2)):
        for variable in ("", "  "):
            ended = bulk(*given, "--dry-run", sandbox=there, capsys=capsys, EIGHTBYEIGHT_SUBACCOUNT_ID=variable.strip())
            assert ended.code == code, ended.err
    assert "another host" in ended.err
    # Sending needs a sub-account, and the error says so.
    ended = bulk(*given, sandbox=sandbox, capsys=capsys, EIGHTBYEIGHT_SUBACCOUNT_ID="")
    assert (ended.code, "subaccount" in ended.err.lower().replace("-", "")) == (2, True)


@pytest.mark.parametrize("words", [("status",), ("unknown",), ("export",), ("resolve", "none", "--sent")])
def test_what_needs_no_account_asks_for_none(
    words: tuple[str, ...], sandbox: Sandbox, table: Path, journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bulk("run", table, "--text", "x", "--journal", journal, sandbox=sandbox, capsys=capsys)
    ended = in_process("bulk", *words, "--journal", journal, capsys=capsys)
    assert ended.code == (2 if words[0] == "resolve" else 0)
    assert "account" not in ended.err


def test_the_commands_option_allows_a_run_and_is_in_the_command_that_goes_on(
    sandbox: Sandbox, another_host: Sandbox, table: Path, journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = table.with_name("first.csv")
    first.write_text("destination\n+6581000000\n")
    bulk("run", first, "--text", "x", "--journal", journal, sandbox=sandbox, capsys=capsys)
    another_host.faults.plan([Fault.error(1200, status=401)])
    options = ("--journal", journal, "--allow-changed-account", "--allow-changed-input", "--json")
    ended = bulk("run", table, *options, "--concurrency", 1, sandbox=another_host, capsys=capsys)
    assert ended.code == 3
    assert "--allow-changed-account" in ended.records[0]["resume"]
    ended = bulk("run", table, *options, sandbox=another_host, capsys=capsys)
    assert (ended.code, ended.records[0]["known"], ended.records[0]["accepted"]) == (0, 1, 5)
    assert len(another_host.messages) == 5


# --- Settling under one of two accounts


def two_accounts_in_doubt(sandbox: Sandbox, journal: Path) -> None:
    """4 messages under each of two accounts. Of each 4, one is accepted without an answer, and one is lost."""
    for subaccount_id, begin in (("sandbox-account", 0), (OTHER, 4)):
        sandbox.faults.on_destination(f"+6581{begin:06d}", Fault.accept_then_drop())
        sandbox.faults.on_destination(f"+6581{begin + 1:06d}", Fault.drop_before_accept())
        send(
            sandbox.client(subaccount_id=subaccount_id),
            journal,
            messages(begin + 4),
            allow_changed_account=True,
        )
    assert status(journal).unknown == 4


def test_reconcile_looks_up_only_what_was_sent_under_its_account(sandbox: Sandbox, journal: Path) -> None:
    two_accounts_in_doubt(sandbox, journal)
    elsewhere = {"sent under another account": 2}
    for subaccount_id in (OTHER, "sandbox-account"):
        found = settle(sandbox.client(subaccount_id=subaccount_id), journal, "reconcile", lag=1e-9)
        assert (found.sent, found.not_sent, found.unknown, found.why) == (1, 1, len(elsewhere) * 2, elsewhere)
        elsewhere = {}
    assert status(journal).unknown == 0


def test_an_account_that_the_journal_does_not_know_settles_nothing(
    sandbox: Sandbox, another_host: Sandbox, journal: Path
) -> None:
    two_accounts_in_doubt(sandbox, journal)
    before = another_host.totals["requests"]
    found = settle(another_host.client(), journal, "reconcile", lag=1e-9)
    assert (found.unknown, found.why) == (4, {"sent under another account": 4})
    assert another_host.totals["requests"] == before


def test_the_command_says_what_stays_unknown_and_why(
    sandbox: Sandbox, journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two_accounts_in_doubt(sandbox, journal)
    words = ("reconcile", "--journal", journal, "--lag", "0.000001", "--allow-changed-account")
    ended = bulk(*words, sandbox=sandbox, capsys=capsys)
    assert (ended.code, ended.out) == (4, "1 were sent, 0 were rejected, 1 were not sent, 2 are still unknown\n")
    assert "2 still unknown: sent under another account\n" in ended.err
    ended = bulk(*words, "--json", "--subaccount-id", OTHER, sandbox=sandbox, capsys=capsys)
    assert (ended.code, ended.records[0]["why"], ended.records[0]["unknown"]) == (0, {}, 0)


def test_cancel_calls_off_what_its_account_scheduled_and_tells_of_the_rest(
    sandbox: Sandbox, journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    later = datetime.now(UTC) + timedelta(hours=2)
    send(sandbox.client(), journal, messages(2, scheduled=later))
    send(sandbox.client(subaccount_id=OTHER), journal, messages(5, scheduled=later), allow_changed_account=True)
    ended = bulk("cancel", "--journal", journal, "--subaccount-id", OTHER, "--json", sandbox=sandbox, capsys=capsys)
    told = json.loads(ended.out)
    assert (ended.code, told["cancelled"], told["elsewhere"]) == (1, 3, 2)
    assert "2 still scheduled under another account" in ended.err
    ended = bulk("cancel", "--journal", journal, "--allow-changed-account", "--json", sandbox=sandbox, capsys=capsys)
    told = json.loads(ended.out)
    assert (ended.code, told["cancelled"], told["elsewhere"]) == (0, 2, 0)
    assert status(journal).cancelled == 5
