"""An error is the same after pickling, copying, or rebuilding from JSON, as a task queue's result backend does it."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from scripted import ScriptedServer, answer

import eightbyeight_async
from eightbyeight_async import (
    APIError,
    AsyncConnectClient,
    BadRequestError,
    ClientClosedError,
    EightByEightError,
    InvalidRequestError,
    LogExportError,
    RetryPolicy,
    Sent,
    ServerError,
    SmsRequest,
    TransportError,
    TransportTimeoutError,
    UnexpectedResponseError,
    bulk,
    webhooks,
)
from eightbyeight_async.bulk.errors import AccountChangedError, InputChangedError, JournalError, JournalInUseError
from eightbyeight_async.errors import Effect
from eightbyeight_async.webhooks import WebhookAuthorizationError, WebhookError

NUMBER = "+6598765432"


def changed(error: EightByEightError, **attributes: Any) -> EightByEightError:
    for name, value in attributes.items():
        setattr(error, name, value)
    return error


API = {
    "status_code": 500,
    "code": 2000,
    "message": f"no {NUMBER}",
    "error_id": "f2ea5276-a824-e711-8146-022a22cc1c71",
    "timestamp": datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
    "retry_after": 1.5,
    "meaning": "internal error",
    "sent": Sent.MAYBE,
}
ERRORS = [
    EightByEightError("words"),
    EightByEightError(),
    InvalidRequestError("messages[3].text", "must not be empty"),
    changed(ClientClosedError(), sent=Sent.MAYBE, attempts=2),
    TransportError("cut off", sent=Sent.NO),
    changed(TransportTimeoutError("no answer"), attempts=3, effect=Effect.CANCEL),
    changed(APIError(**API), attempts=4),
    APIError(status_code=404),
    *(kind(**API) for kind in APIError.__subclasses__()),
    UnexpectedResponseError("the body is empty", status_code=502),
    LogExportError("job", "ended as failed"),
    JournalError("the disk is full"),
    JournalInUseError("another campaign holds it"),
    AccountChangedError("a", "b"),
    InputChangedError(None),
    WebhookError("the body is not JSON"),
    WebhookAuthorizationError("the Authorization header is missing"),
]


def through_json(error: EightByEightError) -> EightByEightError:
    return type(error)(*json.loads(json.dumps(error.args)))


def through_pickle(error: EightByEightError) -> EightByEightError:
    return pickle.loads(pickle.dumps(error))  # noqa: S301 - our own


def test_every_error_class_is_here() -> None:
    public = {
        found
        for module in (eightbyeight_async, bulk, webhooks)
        for _, found in inspect.getmembers(module, inspect.isclass)
        if issubclass(found, EightByEightError)
    }
    assert public <= {type(error) for error in ERRORS}


@pytest.mark.parametrize("travel", [through_json, through_pickle, copy.copy, copy.deepcopy])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_class_words_and_attributes_arrive(
    error: EightByEightError, travel: Callable[[EightByEightError], EightByEightError]
) -> None:
    arrived = travel(error)
    assert type(arrived) is type(error)
    assert (str(arrived), repr(arrived)) == (str(error), repr(error))
    assert (arrived.sent, arrived.attempts, arrived.effect) == (error.sent, error.attempts, error.effect)
    expected = dict(vars(error))
    if travel is through_json and "message" in expected:
        expected["message"] = None  # it may contain a number
    assert {name: getattr(arrived, name) for name in expected} == expected
    assert str(travel(arrived)) == str(error)


def test_the_words_of_the_server_do_not_get_into_a_result_backend() -> None:
    assert NUMBER not in json.dumps(APIError(**{**API, "error_id": NUMBER}).args)
    assert through_pickle(APIError(**API)).message == API["message"]  # type: ignore[attr-defined]


def test_what_json_cannot_carry_is_none() -> None:
    arrived = through_json(AccountChangedError(object(), object()))
    assert isinstance(arrived, AccountChangedError)
    assert arrived.before is None


def test_the_first_argument_is_the_words_of_the_error() -> None:
    assert InvalidRequestError("text", "must not be empty").args[0] == "text: must not be empty"
    error = InvalidRequestError("text", "must not be empty")
    error.args = ("other words",)
    assert str(error) == "other words"


def test_a_dict_of_the_caller_is_an_argument_like_any_other() -> None:
    error = EightByEightError("words", {"sent": "maybe"})
    assert error.args[:2] == ("words", {"sent": "maybe"})
    assert error.sent is Sent.NO


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_an_error_of_a_real_call_arrives(serve: Callable[..., ScriptedServer], connect: Any) -> None:
    body = b'{"code":2000,"message":"no +6598765432","errorId":"x","timestamp":"2026-01-02T03:04:05Z"}'
    with serve(answer(500, body), answer(400, body.replace(b"2000", b"1001"))) as server:
        client: AsyncConnectClient = connect(server, retry=RetryPolicy(max_attempts=2, initial_delay=0))
        async with client:
            with pytest.raises(BadRequestError) as caught:
                await client.sms.send(SmsRequest(destination=NUMBER, text="Hello"))
    arrived = through_json(caught.value)
    assert isinstance(arrived, BadRequestError)
    assert (arrived.code, arrived.sent, arrived.attempts) == (1001, Sent.MAYBE, 2)
    assert not isinstance(arrived, ServerError)
