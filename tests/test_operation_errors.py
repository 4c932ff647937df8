"""An operation that is called with wrong arguments raises an error of one line that says what to write. It sends
nothing.
"""

from __future__ import annotations

import inspect
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from eightbyeight_async import AsyncConnectClient, InvalidRequestError, Sent, SmsRequest
from eightbyeight_async.chatapps import ChatAppsOperations
from eightbyeight_async.sms import SmsOperations

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

pytestmark = pytest.mark.anyio

NUMBER, TEXT = "+6598765432", "The code is 4711"
WRONG: list[tuple[Callable[[Any], Any], str]] = [
    (
        lambda client: client.sms.send(destination=NUMBER, text=TEXT),
        "destination: is a field of SmsRequest: write send(SmsRequest(destination=...))",
    ),
    (
        lambda client: client.sms.send(text=TEXT),
        "text: is a field of SmsRequest: write send(SmsRequest(text=...))",
    ),
    (lambda client: client.sms.send(), "request: is missing in send(request): a SmsRequest"),
    (lambda client: client.sms.send(to=NUMBER), "to: is no argument of send(request)"),
    (lambda client: client.sms.send(NUMBER, TEXT), "arguments: send(request) takes 1 without a name, not 2"),
    (
        lambda client: client.sms.send(SmsRequest(destination=NUMBER, text=TEXT), request=1),
        "request: is given twice to send(request)",
    ),
    (
        lambda client: client.sms.send_each(max_concurency=5, requests=[]),
        "max_concurency: is no argument of send_each(requests, max_concurrency)",
    ),
    (
        lambda client: client.sms.send_each([], 5),
        "arguments: send_each(requests, max_concurrency) takes 1 without a name, not 2",
    ),
    (
        lambda client: client.sms.send_batch(messages=[]),
        "messages: is a field of BatchSmsRequest: write send_batch(BatchSmsRequest(messages=...))",
    ),
    (
        lambda client: client.sms.start_log_export(to=1),
        "to: is a field of LogExportRequest: write start_log_export(LogExportRequest(to=...))",
    ),
    (lambda client: client.sms.cancel(), "umid: is missing in cancel(umid)"),
    (lambda client: client.sms.cancel(id="x"), "id: is no argument of cancel(umid)"),
    (lambda client: client.sms.cancel_batch(batch="x"), "batch: is no argument of cancel_batch(batch_id)"),
    (
        lambda client: client.chatapps.send(user=NUMBER),
        "user: is a field of ChatAppsRequest: write send(ChatAppsRequest(user=...))",
    ),
    (lambda client: client.chatapps.cancel(), "umid: is missing in cancel(umid)"),
]


@pytest.mark.parametrize(("call", "line"), WRONG, ids=[line for _, line in WRONG])
async def test_the_error_says_what_to_write(call: Callable[[Any], Any], line: str, tls: ssl.SSLContext) -> None:
    async with AsyncConnectClient("key-2f6c1a9be07d", "acme_hq", ssl_context=tls) as client:
        with pytest.raises(InvalidRequestError) as caught:
            result = call(client)
            if inspect.isawaitable(result):
                await result
    assert str(caught.value) == line
    assert caught.value.sent is Sent.NO
    assert caught.value.__context__ is None
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [str(frame.locals) for frame in shown.stack if "/eightbyeight_async/" in frame.filename]
    assert ours
    assert NUMBER not in str(ours)
    assert TEXT not in str(ours)


@pytest.mark.parametrize("operations", [SmsOperations, ChatAppsOperations])
def test_every_operation_is_checked_and_keeps_its_signature(operations: type) -> None:
    for name, function in vars(operations).items():
        if not name.startswith("_"):
            assert function.__wrapped__.__name__ == name
            assert "self" in inspect.signature(function).parameters
            # Starlette's background tasks, for example, await only coroutine functions.
            assert inspect.iscoroutinefunction(function) is (name not in ("send_each", "iter_log_rows"))


def test_a_type_error_of_the_function_itself_is_not_ours() -> None:
    from eightbyeight_async.operation_errors import operations

    @operations
    class Operations:
        def send(self, request: object) -> None:
            raise TypeError(f"inside, {type(request).__name__}")

    with pytest.raises(TypeError, match="inside, int"):
        Operations().send(1)
