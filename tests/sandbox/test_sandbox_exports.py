"""Exports of the log as documented: the job, its states, its CSV files on both hosts, delayed and in several files."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from eightbyeight_async.sandbox import Delivery, Fault, Sandbox

pytestmark = pytest.mark.usefixtures("each_loop")

# From the OpenAPI description of the log's files.
COLUMNS = [
    "umid",
    "subaccountid",
    "direction",
    "country",
    "operator",
    "mcc",
    "mnc",
    "status_value",
    "status_details",
    "status_errorcode",
    "status_errormessage",
    "status_timestamp",
    "msisdn",
    "source",
    "encoding",
    "createdat",
    "smscount",
    "price_currency",
    "price_persms",
    "price_total",
    "clientmessageid",
    "clientbatchid",
    "batchid",
    "body",
]


def start(api: Any, **body: Any) -> str:
    answer = api.post("/messages/exports", body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["jobId"])


def finish(api: Any, job: str) -> dict[str, Any]:
    while (answer := api.get(f"/messages/exports/{job}").json())["status"] in ("queued", "running"):
        pass
    return dict(answer)


def rows(api: Any, **body: Any) -> list[dict[str, str]]:
    found = finish(api, start(api, **body))
    if found["status"] == "empty":
        return []
    return [row for link in found["data"] for row in read(fetch(api, link))]


def fetch(api: Any, link: str) -> httpx.Response:
    path = link.removeprefix(api.sandbox.sms_base_url)
    assert path.startswith("/api/v1/subaccounts/sandbox-account/messages/download/")
    return api.call("GET", path, headers={"Accept": "text/csv"})  # type: ignore[no-any-return]


def read(answer: httpx.Response) -> list[dict[str, str]]:
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def moment(**ago: float) -> str:
    return f"{datetime.now(UTC) - timedelta(**ago):%Y-%m-%dT%H:%M:%S.%f}Z"


def test_a_job_goes_from_queued_to_succeeded_and_has_a_link(api: Any) -> None:
    api.sandbox.exports.polls = 3
    api.send()
    job = start(api)
    assert len(job) == 64
    assert job.isalnum()
    answers = [api.get(f"/messages/exports/{job}").json() for _ in range(5)]
    assert [a["status"] for a in answers] == ["queued", "running", "running", "succeeded", "succeeded"]
    assert set(answers[0]) == {"status"}
    assert answers[3] == answers[4]
    assert set(answers[3]) == {"status", "data", "expires"}
    expires = datetime.fromisoformat(answers[3]["expires"])
    assert timedelta(days=29) < expires - datetime.now(UTC) < timedelta(days=31)
    api.sandbox.exports.polls, api.sandbox.exports.ready_after = 0, 60
    job = start(api)
    assert api.get(f"/messages/exports/{job}").json() == {"status": "running"}
    api.sandbox.clock.advance(60)
    assert api.get(f"/messages/exports/{job}").json()["status"] == "succeeded"
    assert api.sandbox.violations == []


def test_a_row_has_the_documented_columns(api: Any) -> None:
    api.sandbox.deliveries.on_destination("+6598760002", Delivery(outcome="rejected_by_operator"))
    batch = {
        "clientBatchId": "b,\n1",
        "messages": [
            {"destination": "6598760001", "text": "สวัสดี", "clientMessageId": 'a "quoted", id', "source": "ACME"},
            {"destination": "+6598760002", "text": "a" * 200},
            {"destination": "+999123456", "text": "a"},
        ],
    }
    batch_id = api.post("/messages/batch", batch).json()["batchId"]
    first, second, third = rows(api)
    assert list(first) == COLUMNS
    taken = api.sandbox.messages[0]
    for name in ("createdat", "status_timestamp"):
        assert abs(datetime.fromisoformat(first.pop(name)) - taken.accepted_at) < timedelta(seconds=0.02)
    assert first == {
        "umid": taken.umid,
        "subaccountid": "sandbox-account",
        "direction": "1",
        "country": "SG",
        "operator": "Singtel",
        "mcc": "525",
        "mnc": "01",
        "status_value": "delivered",
        "status_details": "delivered_to_recipient",
        "status_errorcode": "",
        "status_errormessage": "",
        "msisdn": "+659876xxxx",
        "source": "ACME",
        "encoding": "UCS2",
        "smscount": "1",
        "price_currency": "EUR",
        "price_persms": "0.0012",
        "price_total": "0.0012",
        "clientmessageid": 'a "quoted", id',
        "clientbatchid": "b,\n1",
        "batchid": batch_id,
        "body": "**MASKED**",
    }
    assert (second["status_value"], second["status_details"]) == ("undelivered", "rejected_by_operator")
    assert (second["smscount"], second["price_total"], bool(second["status_errorcode"])) == ("2", "0.0024", True)
    assert (third["status_value"], third["status_errorcode"], third["country"]) == ("failed", "1002", "")
    api.sandbox.exports.include_rejected = False
    assert len(rows(api)) == 2


def test_the_log_can_be_narrowed(api: Any) -> None:
    sent = [
        ("+6598760001", "a"),
        ("+12025550275", "b"),
        ("6598760001", "c"),
        ("+4915112345678", "d"),
    ]
    for destination, client_message_id in sent:
        api.send(destination=destination, clientMessageId=client_message_id)
    api.chat()

    def found(**body: Any) -> str:
        return "".join(row["clientmessageid"] for row in rows(api, **body))

    assert found() == "abcd"
    assert found(limit=0) == "abcd"
    assert found(limit=3) == "abc"
    assert found(phoneNumber="+6598760001") == found(phoneNumber="6598760001") == "ac"
    assert found(countries=["DE", "us"]) == "bd"
    assert found(countries=["DE"], phoneNumber="+6598760001") == ""
    assert found(**{"from": moment(minutes=5), "to": moment()}) == "abcd"
    assert found(**{"from": moment(minutes=5), "to": moment(minutes=4)}) == ""
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
    assert found(**{"from": moment(minutes=5)[:19], "to": f"{tomorrow}T23:59:59+08:00"}) == "abcd"
    # A date means its first moment. A message sent on that day is later.
    first, last = (api.sandbox.messages[place].accepted_at.date() for place in (0, -1))
    before = first - timedelta(days=3)
    assert found(**{"from": before.isoformat(), "to": first.isoformat()}) == ""
    assert found(**{"from": before.isoformat(), "to": (last + timedelta(days=1)).isoformat()}) == "abcd"
    api.sandbox.clock.advance(timedelta(days=9))
    assert found() == ""  # without dates: the last seven days


def test_a_job_needs_no_body(api: Any) -> None:
    path = "/api/v1/subaccounts/sandbox-account/messages/exports"
    assert api.call("POST", path).status_code == 202
    assert api.sandbox.violations == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"from": "07/01/2020"}, 1000),
        ({"from": "2020-13-01"}, 1000),
        ({"to": 1}, 1000),
        ({"from": "2020-07-02", "to": "2020-07-02T00:00:00Z"}, 1010),
        ({"phoneNumber": "x"}, 1002),
        ({"countries": "SG"}, 1000),
        ({"countries": [1]}, 1000),
        ({"countries": ["SGP"]}, 1009),
        ({"limit": -1}, 1010),
        ({"limit": True}, 1010),
        ([], 1000),
    ],
)
def test_a_bad_job_is_refused(api: Any, body: Any, code: int) -> None:
    answer = api.post("/messages/exports", body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.usefixtures("stopped_clock")
def test_the_log_is_late_where_asked(api: Any) -> None:
    api.sandbox.exports.lag = 30
    api.send(clientMessageId="early")
    api.sandbox.clock.advance(20)
    api.send(clientMessageId="late")
    assert rows(api) == []
    job = start(api)
    api.sandbox.clock.advance(15)
    assert finish(api, job) == {"status": "empty"}  # the content of an export is fixed when its job starts
    assert [row["clientmessageid"] for row in rows(api)] == ["early"]
    api.sandbox.clock.advance(20)
    assert [row["clientmessageid"] for row in rows(api)] == ["early", "late"]


@pytest.mark.usefixtures("stopped_clock")
def test_the_log_shows_the_states_of_its_moment(api: Any) -> None:
    api.sandbox.deliveries.default = Delivery(sent_after=10, final_after=20)
    umid = api.send(scheduled=f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}").json()["umid"]
    api.send()
    job = start(api)
    api.sandbox.clock.advance(15)
    [scheduled, sent] = rows(api)
    assert (scheduled["status_value"], sent["status_value"]) == ("queued", "sent")
    api.delete(f"/messages/{umid}")
    assert [row["status_value"] for row in rows(api)] == ["failed", "sent"]
    [link] = finish(api, job)["data"]
    assert [row["status_value"] for row in read(fetch(api, link))] == ["queued", "queued"]


@pytest.mark.parametrize("ending", ["failed", "cancelled", "error"])
def test_a_job_can_end_badly(api: Any, ending: Any) -> None:
    api.send()
    api.sandbox.exports.ending = ending
    assert finish(api, start(api)) == {"status": ending}


def test_a_job_can_be_cancelled_until_it_is_finished(api: Any) -> None:
    api.send()
    unfinished, finished = start(api), start(api)
    link = finish(api, finished)["data"][0]
    for job, status in ((unfinished, "cancelled"), (finished, "succeeded")):
        answer = api.delete(f"/messages/exports/{job}")
        assert (answer.status_code, answer.content) == (204, b"")
        assert api.get(f"/messages/exports/{job}").json()["status"] == status
    assert fetch(api, link).status_code == 200


def test_unknown_jobs_and_files(api: Any) -> None:
    for call in (api.get, api.delete):
        answer = call(f"/messages/exports/{'x' * 64}")
        assert (answer.status_code, answer.json()["code"]) == (404, 4018)
    assert api.get("/messages/exports").status_code == 405
    assert api.get(f"/messages/download/{'x' * 64}").status_code == 404
    assert api.post("/messages/exports", {}, product="chatapps").status_code == 404


def test_a_file_on_the_api_host_needs_the_key_and_expires(api: Any) -> None:
    api.send()
    [link] = finish(api, start(api))["data"]
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        answer = api.http.get(link, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, 1200)
    assert len(read(fetch(api, link))) == 1
    api.sandbox.clock.advance(timedelta(days=31))
    assert fetch(api, link).status_code == 410


def test_files_elsewhere_need_no_key_and_tell_of_one_that_was_given_away(api: Any) -> None:
    sandbox = api.sandbox
    sandbox.exports.links = "elsewhere"
    api.send()
    [link] = finish(api, start(api))["data"]
    assert link.startswith(sandbox.storage_base_url + "/")
    assert httpx.URL(link).host != httpx.URL(sandbox.sms_base_url).host
    assert len(read(api.http.get(link))) == 1
    assert [(r.method, r.status) for r in sandbox.storage_requests] == [("GET", 200)]
    assert "authorization" not in {name.lower() for name in sandbox.storage_requests[0].headers}
    assert sandbox.violations == []
    assert api.http.get(link, headers={"Authorization": f"Bearer {sandbox.api_key}"}).status_code == 400
    assert sandbox.storage_requests[1].headers["Authorization"] == "***"
    assert [str(v) for v in sandbox.violations] == ["storage download: the API key was sent to another host"]
    for wrong in (link[:-1], link.partition("?")[0], link.replace(".csv", ".CSV"), sandbox.storage_base_url + "/"):
        assert api.http.get(wrong).status_code == 404
    sandbox.clock.advance(timedelta(days=31))
    assert api.http.get(link).status_code == 403


def test_the_api_host_may_redirect_to_the_other() -> None:
    with Sandbox(export_links="redirect") as sandbox, httpx.Client(verify=sandbox.ssl_context()) as http:
        key = {"Authorization": f"Bearer {sandbox.api_key}"}
        base = f"{sandbox.sms_base_url}/api/v1/subaccounts/sandbox-account/messages"
        http.post(base, json={"destination": "+6598765432", "text": "a"}, headers=key)
        job = http.post(f"{base}/exports", json={}, headers=key).json()["jobId"]
        for _ in range(2):
            found = http.get(f"{base}/exports/{job}", headers=key).json()
        answer = http.get(found["data"][0], headers=key)
        assert (answer.status_code, sandbox.storage_requests) == (302, [])
        assert answer.headers["location"].startswith(sandbox.storage_base_url)
        assert len(read(http.get(found["data"][0], headers=key, follow_redirects=True))) == 1
        assert len(sandbox.storage_requests) == 1
        assert "Authorization" not in sandbox.storage_requests[0].headers
        assert http.get(found["data"][0]).status_code == 401


def test_many_rows_are_several_files(api: Any) -> None:
    api.sandbox.exports.rows_per_file = 40
    api.batch(100)
    found = finish(api, start(api))
    files = [read(fetch(api, link)) for link in found["data"]]
    assert [len(file) for file in files] == [40, 40, 20]
    assert [row["clientmessageid"] for file in files for row in file] == [str(n) for n in range(100)]


@pytest.mark.parametrize("links", ["api", "elsewhere"])
def test_downloads_and_polls_have_faults(api: Any, links: Any) -> None:
    api.sandbox.exports.links = links
    api.batch(50)
    job = start(api)
    api.sandbox.faults.on_lookup(job, Fault.server_error(), Fault.accept_then_drop())
    assert api.get(f"/messages/exports/{job}").status_code == 500
    with pytest.raises(httpx.TransportError):
        api.get(f"/messages/exports/{job}")
    [link] = finish(api, job)["data"]
    api.sandbox.faults.on_download(job, Fault.truncated_body(), Fault.html(), Fault.accept_then_drop())
    headers = {"Authorization": f"Bearer {api.sandbox.api_key}"} if links == "api" else {}
    with pytest.raises(httpx.RemoteProtocolError):
        api.http.get(link, headers=headers)
    assert api.http.get(link, headers=headers).status_code == 502
    with pytest.raises(httpx.TransportError):
        api.http.get(link, headers=headers)
    assert len(read(api.http.get(link, headers=headers))) == 50


def test_a_large_log_is_streamed_and_may_be_left_half_way(api: Any) -> None:
    for _ in range(2):
        api.batch(10_000)
    [link] = finish(api, start(api))["data"]
    options: dict[str, Any] = {
        "verify": api.sandbox.ssl_context(),
        "headers": {"Authorization": f"Bearer {api.sandbox.api_key}"},
    }
    with httpx.Client(**options) as http, http.stream("GET", link) as answer:
        assert answer.headers["transfer-encoding"] == "chunked"
        assert next(answer.iter_raw())
    with httpx.Client(**options) as http, http.stream("GET", link) as answer:
        assert sum(piece.count(b"\n") for piece in answer.iter_raw()) == 20_001
    api.sandbox.stop()  # raises if the sandbox took the interrupted download for a bug


def test_a_misspelt_setting_is_refused() -> None:
    with pytest.raises(ValueError, match="links of exports must be one of"):
        Sandbox(export_links="elswhere")  # type: ignore[arg-type]
    sandbox: Any = Sandbox()
    for settings, name in ((sandbox.exports, "links"), (sandbox.exports, "ending"), (sandbox.receipts, "order")):
        with pytest.raises(ValueError, match=f"{name} of"):
            setattr(settings, name, "elswhere")
