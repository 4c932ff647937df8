"""Every operation x every documented answer, over real TLS: what is called, what comes back, what each error becomes.

Statuses are those the OpenAPI files name for the operation; error bodies are transcribed in `answers.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from answers import coded
from scripted import QUEUED, ScriptedServer, answer

from eightbyeight_async import (
    APIError,
    AsyncConnectClient,
    AuthenticationError,
    BadRequestError,
    BatchChatAppsRequest,
    BatchSmsRequest,
    ChatAppsRequest,
    ChatAppsUser,
    NotFoundError,
    RateLimitError,
    RetryPolicy,
    Sent,
    ServerError,
    SmsRequest,
    TextContent,
    TLSVersionError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

pytestmark = pytest.mark.anyio

UMID = "dec02e44-c76f-4a0a-b69f-6ac2a4386eb9"
PATH = "/api/v1/subaccounts/acme_hq/messages"
SMS = SmsRequest(destination="+6598765432", text="Hello")
CHAT = ChatAppsRequest(user=ChatAppsUser(msisdn="+6598765432"), content=TextContent(text="Hello"))
DETAILS = f'{{"umid":"{UMID}","status":{{"state":"delivered"}}}}'
BATCH = f'{{"batchId":"{UMID}","acceptedCount":1,"rejectedCount":0}}'
CHAT_ANSWER = f'{{"umid":"{UMID}","status":{{"state":"queued","timestamp":"2021-01-04T08:19:45.99Z"}}}}'
CANCELLED = '{"cancelledCount":1}'

Operation = tuple["Callable[[AsyncConnectClient], Awaitable[Any]]", str, str, bytes, tuple[int, ...]]

# name: call, method, path below the messages, the documented success, the documented errors
OPERATIONS: dict[str, Operation] = {
    "sms.send": (lambda c: c.sms.send(SMS), "POST", "", QUEUED, (400, 401, 426, 500)),
    "sms.send_batch": (
        lambda c: c.sms.send_batch(BatchSmsRequest(messages=[SMS])),
        "POST",
        "/batch",
        answer(200, BATCH),
        (400, 401, 426, 500),
    ),
    "sms.cancel": (lambda c: c.sms.cancel(UMID), "DELETE", f"/{UMID}", answer(200, CANCELLED), (400, 401, 404, 426)),
    "sms.cancel_batch": (
        lambda c: c.sms.cancel_batch(UMID),
        "DELETE",
        f"/batch/{UMID}",
        answer(200, CANCELLED),
        (400, 401, 426, 500),
    ),
    "sms.get": (lambda c: c.sms.get(UMID), "GET", f"/{UMID}", answer(200, DETAILS), (400, 401, 404, 429)),
    "sms.send_feedback": (
        lambda c: c.sms.send_feedback(UMID, "success"),
        "POST",
        f"/{UMID}/feedback",
        answer(200),
        (400, 401, 500),
    ),
    "sms.start_log_export": (
        lambda c: c.sms.start_log_export(),
        "POST",
        "/exports",
        answer(202, '{"jobId":"job"}'),
        (),
    ),
    "sms.get_log_export": (
        lambda c: c.sms.get_log_export("job"),
        "GET",
        "/exports/job",
        answer(200, '{"status":"queued"}'),
        (404,),
    ),
    "sms.cancel_log_export": (
        lambda c: c.sms.cancel_log_export("job"),
        "DELETE",
        "/exports/job",
        answer(204),
        (404,),
    ),
    "chatapps.send": (lambda c: c.chatapps.send(CHAT), "POST", "", answer(200, CHAT_ANSWER), (400, 401, 500)),
    "chatapps.send_batch": (
        lambda c: c.chatapps.send_batch(BatchChatAppsRequest(messages=[CHAT])),
        "POST",
        "/batch",
        answer(200, BATCH),
        (400, 401, 500),
    ),
    "chatapps.cancel": (
        lambda c: c.chatapps.cancel(UMID),
        "DELETE",
        f"/{UMID}",
        answer(200, CANCELLED),
        (400, 401, 404),
    ),
    "chatapps.cancel_batch": (
        lambda c: c.chatapps.cancel_batch(UMID),
        "DELETE",
        f"/batch/{UMID}",
        answer(200, CANCELLED),
        (400, 401, 500),
    ),
    "chatapps.get": (
        lambda c: c.chatapps.get(UMID),
        "GET",
        f"/{UMID}",
        answer(200, f'{{"data":[{DETAILS}]}}'),
        (400, 401, 404, 429),
    ),
}

# status: the documented code, its class, how often it is tried, whether it may have taken effect
ERRORS: dict[int, tuple[int, type[APIError], int, Sent]] = {
    400: (1000, BadRequestError, 1, Sent.NO),
    401: (1200, AuthenticationError, 1, Sent.NO),
    404: (1300, NotFoundError, 1, Sent.NO),
    426: (1014, TLSVersionError, 1, Sent.NO),
    429: (429, RateLimitError, 1, Sent.NO),
    500: (2000, ServerError, 2, Sent.MAYBE),
}


@pytest.mark.parametrize("name", OPERATIONS)
async def test_every_documented_answer(
    serve: Callable[..., ScriptedServer], connect: Callable[..., AsyncConnectClient], name: str
) -> None:
    call, method, path, success, statuses = OPERATIONS[name]
    with serve(success) as server:
        async with connect(server) as client:
            await call(client)
    assert [(r.method, r.target) for r in server.received] == [(method, PATH + path)]
    for status in statuses:
        code, kind, attempts, sent = ERRORS[status]
        with serve(answer(status, coded(code))) as server:
            async with connect(server, retry=RetryPolicy(max_attempts=2, max_delay=0.0)) as client:
                with pytest.raises(kind) as caught:
                    await call(client)
        found = caught.value
        assert (type(found), found.code, found.sent, found.attempts) == (kind, code, sent, attempts), status
        assert len(server.received) == attempts, status


def test_no_operation_is_left_out() -> None:
    """`send_each` and `iter_log_rows` are made of these."""
    client = AsyncConnectClient("key", "acme_hq")
    groups = {"sms": client.sms, "chatapps": client.chatapps}
    public = {f"{g}.{n}" for g, group in groups.items() for n in dir(group) if not n.startswith("_")}
    assert public - {"sms.send_each", "sms.iter_log_rows"} == set(OPERATIONS)
