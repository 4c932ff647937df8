"""Models as JSON in a user's program: `to_dict`, `from_dict`, and models as request bodies and responses of FastAPI."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import fastapi
import httpx
import pydantic
import pytest

from eightbyeight_async import (
    BatchSmsRequest,
    BatchSmsResponse,
    ChatAppsRequest,
    ChatAppsUser,
    InvalidRequestError,
    Price,
    SmsRequest,
    SmsResponse,
    SmsStatus,
    TextContent,
    Track,
    from_dict,
    to_dict,
)

NUMBER = "+6598765432"
REQUEST = SmsRequest(
    destination=NUMBER,
    text="Hello",
    client_message_id="a",
    track=Track.NONE,
    scheduled=datetime(2026, 12, 1, tzinfo=UTC),
)
RESPONSE = SmsResponse(umid="u", status=SmsStatus(code="QUEUED"), destination=NUMBER, maybe_done_before=True)
CHAT = ChatAppsRequest(user=ChatAppsUser(msisdn=NUMBER), content=TextContent(text="Hello"))
PRICE = Price(total=Decimal("0.0500"), currency="USD")


@pytest.mark.parametrize("model", [REQUEST, RESPONSE, CHAT, PRICE, BatchSmsRequest(messages=[REQUEST])])
def test_a_model_survives_json(model: Any) -> None:
    assert from_dict(type(model), json.loads(json.dumps(to_dict(model)))) == model


def test_the_names_are_the_apis_and_nothing_is_none() -> None:
    assert to_dict(REQUEST) == {
        "destination": NUMBER,
        "text": "Hello",
        "clientMessageId": "a",
        "track": "None",
        "scheduled": "2026-12-01T00:00:00+00:00",
    }
    assert to_dict(PRICE) == {"total": "0.0500", "currency": "USD"}


GOOD = {"destination": NUMBER, "text": "Hello"}


@pytest.mark.parametrize(
    ("cls", "data", "field", "reason"),
    [
        (SmsRequest, {"text": "Hello"}, "destination", "is missing"),
        (SmsRequest, {**GOOD, "scheduled": "tomorrow"}, "scheduled", "must be a date and time with an offset"),
        (SmsRequest, {**GOOD, "scheduled": "2026-12-01T00:00:00"}, "scheduled", "with an offset"),
        (SmsRequest, {**GOOD, "text": 5}, "text", "must be a string, not a number"),
        (SmsRequest, {**GOOD, "track": "Sometimes"}, "track", "must be one of"),
        (SmsRequest, {**GOOD, "client_message_id": "a"}, "SmsRequest", "write clientMessageId"),
        (SmsRequest, {**GOOD, NUMBER: "a"}, "SmsRequest", "has no field one field"),
        (SmsRequest, [GOOD], "SmsRequest", "must be an object, not an array"),
        (SmsRequest, None, "SmsRequest", "must be an object, not null"),
        (BatchSmsRequest, {"messages": {"0": GOOD}}, "messages", "must be an array, not an object"),
        (BatchSmsRequest, {"messages": [GOOD, {**GOOD, "text": ""}]}, "messages[1].text", "must not be empty"),
        (BatchSmsRequest, {"messages": [GOOD, {**GOOD, "x": ""}]}, "messages[1]", "has no field x"),
        (BatchSmsResponse, {"batchId": "b", "acceptedCount": "1", "rejectedCount": 0}, "acceptedCount", "an integer"),
        (SmsResponse, {"umid": "u", "status": {}}, "status.code", "is missing"),
        (ChatAppsRequest, {**to_dict(CHAT), "content": {"text": 5}}, "content.text", "must be a string"),
    ],
)
def test_bad_json_names_its_place_and_shows_no_value(cls: Any, data: object, field: str, reason: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        from_dict(cls, data)
    assert caught.value.field == field
    assert reason in caught.value.reason
    assert NUMBER not in str(caught.value)


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="^model: must be a model of this package, not dict"):
        to_dict({})  # type: ignore[arg-type]
    with pytest.raises(InvalidRequestError, match="^cls: must be a class of this package's models"):
        from_dict(dict, {})  # type: ignore[type-var]


app = fastapi.FastAPI()


@app.post("/messages")
async def messages(request: Annotated[SmsRequest, fastapi.Body()]) -> SmsResponse:
    return SmsResponse(umid="u", status=SmsStatus(code="QUEUED"), destination=request.destination)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_fastapi_takes_a_request_as_body_and_a_response_as_answer() -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as http:
        good = await http.post("/messages", json=to_dict(REQUEST))
        bad = await http.post("/messages", json={**GOOD, "destination": "0412345678"})
        schema = (await http.get("/openapi.json")).json()
    assert (good.status_code, good.json()) == (
        200,
        {"umid": "u", "status": {"code": "QUEUED"}, "destination": NUMBER, "maybeDoneBefore": False},
    )
    assert bad.status_code == 422
    assert "destination: must be 7 to 15 digits" in bad.text
    body = schema["paths"]["/messages"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["required"] == ["destination"]
    assert body["properties"]["scheduled"] == {"type": "string", "format": "date-time"}
    assert body["properties"]["track"] == {"type": "string", "enum": ["None", "Outcome"]}


def test_pydantic_holds_models_in_fields() -> None:
    class Job(pydantic.BaseModel):
        request: SmsRequest
        answers: list[SmsResponse] = []

    job = Job(request=REQUEST, answers=[RESPONSE])
    assert job.request is REQUEST
    assert Job.model_validate_json(job.model_dump_json()) == job
    with pytest.raises(pydantic.ValidationError, match="text: must be a string"):
        Job.model_validate({"request": {**GOOD, "text": 5}})
    assert Job.model_json_schema()["properties"]["answers"]["type"] == "array"
