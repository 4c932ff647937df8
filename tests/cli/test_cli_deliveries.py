"""`bulk deliveries` reads 8x8's log, or takes receipts. Status, export and report show the result; for journal and
ledger.
"""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest
from cli.test_cli_commands import csv_file

from eightbyeight_async.sandbox.messages.delivery_status import Delivery

if TYPE_CHECKING:
    from pathlib import Path

    from cli.command_line import Ended, Here
    from cli.test_cli_bulk import Bulk

    from eightbyeight_async.sandbox import Sandbox


@pytest.fixture(params=["journal", "ledger"])
def place(request: pytest.FixtureRequest) -> str:
    """The place where the campaign keeps its claims: a journal or a ledger."""
    return str(request.param)


@pytest.fixture
def bulk(place: str, sandbox: Sandbox, tmp_path: Path, here: Here, request: pytest.FixtureRequest) -> Bulk:
    more: dict[str, str] = {}
    where: tuple[object, ...] = ("--journal", tmp_path / "run.db")
    if place == "ledger":
        more["EIGHTBYEIGHT_LEDGER"] = request.getfixturevalue("postgres")
        where = ("--campaign", f"{request.node.name} {tmp_path}"[-200:])

    def call(*arguments: object, **others: str) -> Ended:
        return here("bulk", *arguments, *where, sandbox=sandbox, **more, **others)

    return call


@pytest.fixture
def sent(sandbox: Sandbox, tmp_path: Path, bulk: Bulk) -> Sandbox:
    """Four messages: one is with the operator, one is undelivered, the others are delivered."""
    sandbox.deliveries.on_destination("+447700900002", Delivery(outcome="delivered_to_operator"))
    sandbox.deliveries.on_destination("+447700900003", Delivery(outcome="undelivered"))
    assert bulk("run", csv_file(tmp_path / "a.csv", 4), "--text", "Hi", "--concurrency", 1).code == 0
    return sandbox


def test_the_log_is_asked_and_status_and_export_show_it(sent: Sandbox, bulk: Bulk, tmp_path: Path) -> None:
    assert "deliver" not in bulk("status").out
    assert "deliveries" not in json.loads(bulk("status", "--json").out)
    ended = bulk("deliveries")
    cost = 4
    assert ended.code == 1
    assert ended.err == "asking 8x8's log for 4 messages\n"
    assert ended.out.startswith("4 accepted: 2 delivered, 1 with the operator, 1 undelivered; 4 parts, ")
    status = bulk("status")
    assert (status.code, status.out.splitlines()[-1]) == (0, ended.out.strip())
    told = json.loads(bulk("status", "--json").out)["deliveries"]
    assert told == json.loads(bulk("deliveries", "--json").out)
    assert (told["accepted"], told["undelivered"], told["parts"], told["priced"]) == (4, 1, cost, 4)
    bulk("export", "--output", tmp_path / "results.csv")
    with (tmp_path / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["delivery"] for row in rows] == ["delivered", "delivered", "undelivered", "delivered"]
    assert [row["delivery_detail"] for row in rows][1] == "delivered_to_operator"
    assert (rows[2]["delivery_code"], rows[2]["delivery_reason"]) == ("14", "the handset cannot be reached")
    assert all(row["country"] and row["operator"] and row["price"] and row["currency"] for row in rows)
    assert "447700" not in (tmp_path / "results.csv").read_text()


def test_an_export_without_deliveries_has_no_columns_of_them(sent: Sandbox, bulk: Bulk) -> None:
    assert all("delivery" not in record for record in bulk("export").records)


def body(sandbox: Sandbox, place: int, state: str, **status: object) -> str:
    message = sandbox.messages[place]
    payload = {
        "umid": message.umid,
        "clientMessageId": message.client_message_id,
        "status": {"state": state, "timestamp": "2026-11-26T12:00:00Z", **status},
    }
    event = {"namespace": "SMS", "eventType": "outbound_message_status_changed", "payload": payload}
    return json.dumps(event)


def test_receipts_come_from_a_file_without_a_key(sent: Sandbox, bulk: Bulk, tmp_path: Path) -> None:
    inbound = {"namespace": "SMS", "eventType": "something_else", "payload": {}}
    lines = [body(sent, 0, "delivered"), "", body(sent, 0, "sent"), json.dumps(inbound), body(sent, 3, "undelivered")]
    file = tmp_path / "receipts.jsonl"
    file.write_text("\n".join(lines))
    ended = bulk("deliveries", "--receipts", file, EIGHTBYEIGHT_API_KEY="", EIGHTBYEIGHT_SUBACCOUNT_ID="")
    assert (ended.code, ended.out) == (1, "4 accepted: 1 delivered, 1 undelivered, 2 without news\n")
    assert "1 line of receipts.jsonl with something other than a delivery receipt" in ended.err
    assert bulk("deliveries", "--receipts", file).out == ended.out


@pytest.mark.parametrize("bad", ["{", "[]", '{"eventType": "outbound_message_status_changed", "payload": {}}'])
def test_a_bad_line_is_told_and_the_lines_before_it_count(bad: str, sent: Sandbox, bulk: Bulk, tmp_path: Path) -> None:
    file = tmp_path / "receipts.jsonl"
    file.write_text("\n".join([body(sent, 0, "delivered"), bad]))
    ended = bulk("deliveries", "--receipts", file)
    assert (ended.code, "--receipts receipts.jsonl:2: " in ended.err, "Traceback" in ended.err) == (2, True, False)


def test_without_a_campaign_nothing_is_made(bulk: Bulk, tmp_path: Path) -> None:
    for more in ((), ("--receipts", tmp_path / "none.jsonl")):
        ended = bulk("deliveries", *more)
        assert (ended.code, list(tmp_path.iterdir())) == (2, [])


def test_a_failed_export_is_told(sent: Sandbox, bulk: Bulk) -> None:
    sent.exports.ending = "failed"
    ended = bulk("deliveries")
    assert (ended.code, "ended as failed" in ended.err) == (1, True)


def test_the_report_has_what_became_of_the_messages(sent: Sandbox, bulk: Bulk, tmp_path: Path, place: str) -> None:
    told = json.loads(bulk("deliveries", "--json").out)
    output = tmp_path / "report.html"
    ended = bulk("report", "--output", output)
    assert (ended.code, ended.err) == (0, f"{output}: the report of 4 messages; open it in a browser\n")
    page = output.read_text()
    assert "the handset cannot be reached" in page
    assert "447700" not in page
    assert bulk("report", "--output", output).code == 2
    again = json.loads(bulk("report", "--output", output, "--force", "--json").out)
    assert again.pop("output") == str(output)
    assert again.pop("deliveries") == told
    assert (again["total"], again["sent"]) == (4, 4)


# --- again


JOURNALS = pytest.mark.parametrize("place", ["journal"], indirect=True)  # a ledger stores no options


@pytest.fixture
def again(sandbox: Sandbox, tmp_path: Path, here: Here) -> Bulk:
    """Runs `bulk run a.csv --resend-undelivered run.db --journal again.db`."""

    def call(*more: object, journal: str = "again.db", first: str = "run.db") -> Ended:
        words = ("bulk", "run", tmp_path / "a.csv", "--text", "Hi", "--journal", tmp_path / journal)
        return here(*words, "--resend-undelivered", tmp_path / first, *more, sandbox=sandbox)

    return call


@JOURNALS
def test_what_was_not_delivered_is_sent_again_as_a_campaign_of_its_own(
    sent: Sandbox, bulk: Bulk, again: Bulk, here: Here, tmp_path: Path
) -> None:
    bulk("deliveries")
    for more in (("--dry-run",), ()):
        ended = again(*more)
        assert "run.db: 1 message not delivered; only these are sent again" in ended.err
    assert (ended.code, "add --yes" in ended.err, len(sent.messages)) == (2, True, 4)
    assert not (tmp_path / "again.db").exists()
    told = json.loads(again("--dry-run", "--json").out)
    assert (told["messages"], told["new"], told["people"]) == (1, 1, 1)
    ended = again("--yes")
    assert ended.code == 0, ended.err
    assert [message.destination for message in sent.messages[4:]] == ["+447700900003"]
    assert sent.messages[4].client_message_id == "ref-3"
    # The next run continues without the file, and sends nothing twice.
    ended = here("bulk", "run", "--journal", tmp_path / "again.db", "--yes", sandbox=sent)
    assert (ended.code, len(sent.messages)) == (0, 5), ended.err
    told = json.loads(here("bulk", "status", "--json", "--journal", tmp_path / "again.db", sandbox=sent).out)
    assert (told["total"], told["sent"]) == (1, 1)


@JOURNALS
@pytest.mark.parametrize("journal", ["run.db", "other.db"])
def test_it_needs_a_journal_of_its_own(
    journal: str, sent: Sandbox, bulk: Bulk, again: Bulk, here: Here, tmp_path: Path
) -> None:
    bulk("deliveries")
    if journal == "other.db":
        csv_file(tmp_path / "b.csv", 1)
        words = ("--text", "Hello", "--journal", tmp_path / journal)
        here("bulk", "run", tmp_path / "b.csv", *words, sandbox=sent)
    before = len(sent.messages)
    ended = again("--yes", journal=journal)
    assert (ended.code, len(sent.messages)) == (2, before)
    assert "is a campaign of its own" in ended.err


@JOURNALS
def test_where_nothing_is_known_nothing_is_sent(sent: Sandbox, again: Bulk) -> None:
    ended = again("--yes")
    assert "run.db: 0 messages not delivered" in ended.err
    assert len(sent.messages) == 4
    ended = again("--yes", first="none.db")
    assert (ended.code, "none.db: there is none at this path" in ended.err) == (2, True)
