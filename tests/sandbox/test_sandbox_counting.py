"""Long runs: a test can count that each message arrived once, faults have a rate and a seed, and a process of its own
answers.
"""

import json
import ssl
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from patience import PATIENCE

from eightbyeight_async.sandbox import Sandbox, SandboxProcess


def test_acceptances_are_counted_by_client_message_id(api: Any) -> None:
    for client_message_id in ("a", "b", "a", None):
        api.send(**({} if client_message_id is None else {"clientMessageId": client_message_id}))
    api.send(clientMessageId="r", destination="+999123456")
    api.chat(clientMessageId="b")
    umid = api.send(scheduled=(datetime.now(UTC) + timedelta(hours=1)).isoformat()).json()["umid"]
    api.delete(f"/messages/{umid}")
    sandbox = api.sandbox
    assert [sandbox.times_accepted(name) for name in ("a", "b", "r", "x")] == [2, 2, 0, 0]
    assert sandbox.accepted_counts == {"a": 2, "b": 2}
    assert sandbox.totals == {"accepted": 6, "rejected": 1, "cancelled": 1}


def test_counts_only_forgets_what_has_gone_out_and_never_pretends() -> None:
    with Sandbox(keep="counts") as sandbox, httpx.Client(verify=sandbox.ssl_context()) as http:
        http.headers["Authorization"] = f"Bearer {sandbox.api_key}"
        base = f"{sandbox.sms_base_url}/api/v1/subaccounts/sandbox-account/messages"
        soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        batch = {
            "messages": [
                {"destination": "+6598760001", "clientMessageId": "1"},
                {"destination": "+6598760002", "clientMessageId": "2", "scheduled": soon},
                {"destination": "+6598760003", "clientMessageId": "3", "scheduled": soon},
                {"destination": "+999123456", "clientMessageId": "4"},
            ],
            "template": {"text": "a"},
            "includeMessagesInResponse": True,
        }
        answer = http.post(f"{base}/batch", json=batch).json()
        assert (answer["acceptedCount"], answer["rejectedCount"]) == (3, 1)
        umids = [message["umid"] for message in answer["messages"]]
        assert sandbox.accepted_counts == {"1": 1, "2": 1, "3": 1}
        assert http.delete(f"{base}/{umids[1]}").json() == {"cancelledCount": 1}
        assert http.delete(f"{base}/batch/{answer['batchId']}").json() == {"cancelledCount": 1}
        # For a message that the sandbox has forgotten, it answers neither "unknown" nor with an empty log.
        for forgotten in (
            http.get(f"{base}/{umids[0]}"),
            http.delete(f"{base}/{umids[0]}"),
            http.post(f"{base}/exports", json={}),
            http.delete(f"{base}/batch/{umids[0]}"),
        ):
            assert (forgotten.status_code, forgotten.json()["code"]) == (500, 2001)
        for name in ("messages", "rejected"):
            with pytest.raises(RuntimeError, match="times_accepted"):
                getattr(sandbox, name)
        sandbox.clock.advance(3601)
        assert sandbox.totals == {"accepted": 3, "rejected": 1, "cancelled": 2}
    with pytest.raises(ValueError, match="keep"):
        Sandbox(keep="some")  # type: ignore[arg-type]


def test_counts_only_keeps_scheduled_messages_until_their_time() -> None:
    with Sandbox(keep="counts") as sandbox, httpx.Client(verify=sandbox.ssl_context()) as http:
        http.headers["Authorization"] = f"Bearer {sandbox.api_key}"
        base = f"{sandbox.sms_base_url}/api/v1/subaccounts/sandbox-account/messages"
        soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        message = {"destination": "+6598760001", "text": "a", "scheduled": soon}
        umid = http.post(base, json=message).json()["umid"]
        assert http.get(f"{base}/{umid}").json()["status"]["state"] == "queued"
        sandbox.clock.advance(3601)
        assert http.get(f"{base}/{umid}").json()["code"] == 2001
        assert not sandbox._state.store._accepted


def outcomes(api: Any, requests: int) -> list[str]:
    seen = []
    for _ in range(requests):
        try:
            answer = api.send()
            seen.append(str(answer.json()["code"]) if answer.status_code in (429, 500) else str(answer.status_code))
        except (httpx.TransportError, json.JSONDecodeError):
            seen.append("cut off")
    return seen


def test_faults_by_rate_are_repeated_by_their_seed_and_counted(api: Any) -> None:
    faults, rates = api.sandbox.faults, {"server_error": 0.2, "drop_after_accept": 0.2, "too_many": 0.2}
    faults.random(seed=3, **rates, bad_gateway=0.1, retry_after=0)
    first = outcomes(api, 60)
    drawn = Counter(faults.drawn)
    assert set(first) == {"200", "2000", "cut off", "429", "502"}
    assert Counter(first) == {
        "200": 60 - drawn.total(),
        "2000": drawn["server_error"],
        "cut off": drawn["drop_after_accept"],
        "429": drawn["too_many"],
        "502": drawn["bad_gateway"],
    }
    assert len(api.sandbox.messages) == first.count("200") + first.count("cut off")
    faults.random(seed=3, **rates, bad_gateway=0.1)
    assert outcomes(api, 60) == first
    faults.random(seed=4, **rates, bad_gateway=0.1)
    assert outcomes(api, 60) != first
    faults.random()
    assert outcomes(api, 20) == ["200"] * 20


def test_every_rate_has_its_fault_and_can_be_for_some_operations_only(api: Any) -> None:
    for name, outcome, kept in (
        ("server_error", "2000", 0),
        ("drop_after_accept", "cut off", 1),
        ("drop_before_accept", "cut off", 0),
        ("too_many", "429", 0),
        ("bad_gateway", "502", 0),
        ("truncated", "cut off", 1),
    ):
        api.sandbox.reset()
        api.sandbox.faults.random(**{name: 1.0}, operations=["send"])
        assert outcomes(api, 1) == [outcome]
        assert len(api.sandbox.messages) == kept
        assert api.batch(2).status_code == 200
    for rates in ({"server_error": -0.1}, {"server_error": 0.6, "too_many": 0.5}):
        with pytest.raises(ValueError, match="at most 1"):
            api.sandbox.faults.random(**rates)


def test_a_process_of_its_own_is_asked_from_outside() -> None:
    with SandboxProcess("--fault-rate", "drop_after_accept=1", "--seed", "5", "--keep", "counts") as process:
        environment = process.environment
        base = (
            f"{environment['EIGHTBYEIGHT_SMS_BASE_URL']}/api/v1/subaccounts/"
            f"{environment['EIGHTBYEIGHT_SUBACCOUNT_ID']}/messages"
        )
        context = ssl.create_default_context(cafile=environment["SSL_CERT_FILE"])
        headers = {"Authorization": f"Bearer {environment['EIGHTBYEIGHT_API_KEY']}"}
        message = {"destination": "+6598760001", "text": "a", "clientMessageId": "ä \u2028"}
        with httpx.Client(verify=context, headers=headers) as http:
            with pytest.raises(httpx.TransportError):
                http.post(base, json=message)
            process.faults()
            assert http.post(base, json=message).status_code == 200
            assert process.counts() == {"ä \u2028": 2}
            assert process.totals() == {
                "accepted": 2,
                "rejected": 0,
                "cancelled": 0,
                "requests": 2,
                "ids": 1,
                "repeated": 1,
                "drawn": {"drop_after_accept": 1},
                "violations": [],
            }
            process.advance(9 * 24 * 3600)
            old = {"scheduled": (datetime.now(UTC) + timedelta(days=1)).isoformat()}
            assert http.post(base, json=message | old).json()["code"] == 1011
            process.reset()
            assert process.counts() == {}
            process.faults(server_error=1, seed=1)
            assert http.post(base, json=message).json()["code"] == 2000
        for wrong in ({"no_such": 1}, {"server_error": 2}):
            with pytest.raises(ValueError, match="no_such|at most 1"):
                process.faults(**wrong)
        with pytest.raises(ValueError, match="no command dance"):
            process._ask("dance")
    process.stop()
    with pytest.raises(RuntimeError, match="not running"):
        process.counts()


@pytest.mark.parametrize("end", ["end of input", "stop", "signal"])
def test_the_process_ends_in_order_whatever_ends_it(end: str) -> None:
    with SandboxProcess() as process:
        running = process._running()
        assert running.stdin is not None
        if end == "signal":
            running.terminate()
        elif end == "stop":
            running.stdin.write("stop\n")
            running.stdin.flush()
        else:
            running.stdin.close()
        assert running.wait(PATIENCE) == 0


def test_a_process_that_cannot_start_says_so() -> None:
    with SandboxProcess() as process:
        port = process.environment["EIGHTBYEIGHT_SMS_BASE_URL"].rpartition(":")[2]
        command = [sys.executable, "-m", "eightbyeight_async.sandbox", "--sms-port", port]
        done = subprocess.run(  # noqa: S603 - our own interpreter, our own program
            command, capture_output=True, text=True, timeout=PATIENCE, check=False, stdin=subprocess.DEVNULL
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert f"cannot listen on 127.0.0.1 port {port}" in done.stderr
