"""Feedback for existing messages is accepted, answered with an empty body, and stored."""

from datetime import UTC, datetime
from typing import Any

import pytest

UNKNOWN = "7a4bbd96-19f0-4b6a-a7a4-cf0b0a5a7a3e"  # no message has this umid: the sandbox's umids are random


def test_feedback_is_remembered_and_answered_with_nothing(api: Any) -> None:
    umid = api.send(track="Outcome").json()["umid"]
    # Transcribed from the OpenAPI example of SmsFeedback.
    answer = api.post(f"/messages/{umid}/feedback", {"outcome": "success", "timestamp": "2019-02-17T15:31:55.60Z"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert api.post(f"/messages/{umid.upper()}/feedback", {"outcome": "failure"}).status_code == 200
    assert [(f.umid, f.outcome, f.timestamp) for f in api.sandbox.feedback] == [
        (umid, "success", datetime(2019, 2, 17, 15, 31, 55, 600_000, UTC)),
        (umid, "failure", None),
    ]
    assert api.sandbox.violations == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, 1000),
        ({"outcome": None}, 1000),
        ({"outcome": "Success"}, 1000),
        ({"outcome": "success", "timestamp": "yesterday"}, 1000),
        ({"outcome": "success", "timestamp": 1}, 1000),
        ([], 1000),
    ],
)
def test_a_bad_feedback_is_refused(api: Any, body: Any, code: int) -> None:
    umid = api.send().json()["umid"]
    answer = api.post(f"/messages/{umid}/feedback", body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert api.sandbox.feedback == []


@pytest.mark.parametrize(("umid", "code"), [("x", 1000), (UNKNOWN, 1008)])
def test_feedback_needs_a_known_message(api: Any, umid: str, code: int) -> None:
    answer = api.post(f"/messages/{umid}/feedback", {"outcome": "success"})
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    umid = api.chat().json()["umid"]
    assert api.post(f"/messages/{umid}/feedback", {"outcome": "success"}).json()["code"] == 1008
    assert api.post(f"/messages/{umid}/feedback", {"outcome": "success"}, product="chatapps").status_code == 404
