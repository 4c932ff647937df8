"""Tables of the API's answers: status and body, and the expected class, `sent` and attempts.

Tests without sockets and tests over real TLS use the same tables. The bodies are transcribed from 8x8's reference and
OpenAPI files: ids, numbers, codes and times are 8x8's, the sentences are ours. Bodies that are not the API's imitate a
gateway.
"""

from __future__ import annotations

import json
from typing import Any

import attrs

from eightbyeight_async import (
    APIError,
    AuthenticationError,
    BadRequestError,
    EightByEightError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    Sent,
    ServerError,
    TLSVersionError,
    UnexpectedResponseError,
)

NO, MAYBE = Sent.NO, Sent.MAYBE


@attrs.frozen
class Case:
    status: int
    body: bytes
    error: type[EightByEightError]
    sent: Sent
    attempts: int = 1
    code: int | None = None

    @property
    def id(self) -> str:
        return f"{self.status}-{self.body[:30].decode(errors='replace')}-{self.error.__name__}"


def coded(code: object, **more: object) -> bytes:
    return json.dumps(
        {
            "code": code,
            "message": "Provided parameter is wrong",
            "errorId": "91b106f0-c0da-4aba-a43a-7af9c5893a80",
            "timestamp": "2017-04-19T02:31:19.4297387+00:00",
            **more,
        }
    ).encode()


HTML = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
TRUNCATED = coded(2000)[:-9]
WITHOUT_CODE = json.dumps({"message": "upstream failed"}).encode()

CASES = [
    # The code decides, whatever the status: each status with a sub-account error and with an internal error.
    *[Case(s, coded(1001), BadRequestError, NO, code=1001) for s in (200, 302, 400, 401, 404, 422, 426, 429, 500, 503)],
    *[Case(s, coded(2000), ServerError, MAYBE, 4, code=2000) for s in (200, 302, 400, 401, 404, 426, 429, 500, 502)],
    # Every class of codes, with its documented status.
    *[
        Case(400, coded(c), BadRequestError, NO, code=c)
        for c in (*range(1000, 1014), 1100, 1199, 3000, 3001, 3060, 3999)
    ],
    Case(426, coded(1014), TLSVersionError, NO, code=1014),
    Case(400, coded(1014), TLSVersionError, NO, code=1014),
    Case(401, coded(1200), AuthenticationError, NO, code=1200),
    Case(500, coded(1200), AuthenticationError, NO, code=1200),
    Case(403, coded(1201), PermissionDeniedError, NO, code=1201),
    Case(404, coded(1300), NotFoundError, NO, code=1300),
    Case(500, coded(1300), NotFoundError, NO, code=1300),
    *[Case(500, coded(c), ServerError, MAYBE, 4, code=c) for c in (2000, 2001, 2002, 2003, 2999)],
    # A code without a class of its own: the status decides, else it is a plain APIError.
    Case(400, coded(1400), BadRequestError, NO, code=1400),
    Case(500, coded(1400), APIError, NO, code=1400),
    *[Case(400, coded(c), BadRequestError, NO, code=c) for c in (999, 1500, 1999, 4000, 0, -2000, 20000)],
    *[Case(500, coded(c), APIError, MAYBE, code=c) for c in (999, 1999, 3_000_000, 4000, 9999)],
    Case(409, coded(9999), APIError, NO, code=9999),
    Case(200, coded(9999), APIError, MAYBE, code=9999),
    # No code: the documented 4xx statuses keep their meaning. No status alone causes a retry.
    *[
        Case(status, body, error, NO)
        for status, error in (
            (400, BadRequestError),
            (422, BadRequestError),
            (401, AuthenticationError),
            (403, PermissionDeniedError),
            (404, NotFoundError),
            (410, NotFoundError),
            (426, TLSVersionError),
            (429, RateLimitError),
        )
        for body in (b"", HTML, TRUNCATED, WITHOUT_CODE, coded("2000"), b"[]", b"null")
    ],
    # No code, and a status that the API does not document: a gateway answered, the message may have gone out.
    *[
        Case(status, body, UnexpectedResponseError, MAYBE)
        for status in (500, 502, 503, 504, 408, 302, 304)
        for body in (b"", HTML, TRUNCATED, WITHOUT_CODE)
        if not (status == 304 and body)
    ],
    *[
        Case(500, body, UnexpectedResponseError, MAYBE)
        for body in (
            coded("2000"),
            coded(2000.0),
            coded(True),
            coded(None),
            coded([2000]),
            coded({}),
            b"[2000]",
            b'"x"',
        )
    ],
    Case(500, b"[" + coded(2000) + b"]", UnexpectedResponseError, MAYBE),
    Case(500, b"[" * 5000, UnexpectedResponseError, MAYBE),
    Case(500, b'{"code":' + b"2" * 5000 + b"}", UnexpectedResponseError, MAYBE),
    Case(500, b'{"code":2000,"message":"\xff"}', UnexpectedResponseError, MAYBE),
    # A 2xx answer that cannot be read.
    *[
        Case(200, body, UnexpectedResponseError, MAYBE)
        for body in (b"", HTML, TRUNCATED, b"{}", b"[]", b"null", b'{"umid":7}', b'{"umid":"1"}', WITHOUT_CODE)
    ],
    Case(202, b"", UnexpectedResponseError, MAYBE),
    Case(204, b"", UnexpectedResponseError, MAYBE),
]


@attrs.frozen
class Documented:
    """An error answer from the OpenAPI files. Each has its own ids and times, so a test notices mixed-up answers."""

    status: int
    code: int
    error_id: str
    timestamp: str
    error: type[APIError]
    sent: Sent = NO
    retried: bool = False

    @property
    def body(self) -> bytes:
        return coded(self.code, errorId=self.error_id, timestamp=self.timestamp)


_MSISDN_ID, _KEY_ID = "b4478860-b76c-e811-814e-022a35cc1c71", "db9dced4-3534-4d86-9d18-6b448af0d621"
MSISDN = Documented(400, 1002, _MSISDN_ID, "2018-08-04T09:25:40.9235752+00:00", BadRequestError)
NO_UMID = Documented(400, 1000, "fbb239f1-2eb1-ea11-afa9-00155db6eaf4", "2020-06-18T06:42:57.20Z", BadRequestError)
KEY = Documented(401, 1200, _KEY_ID, "2018-08-02T09:42:38.8988997+00:00", AuthenticationError)
NO_MESSAGE = Documented(404, 1300, "1949a467-2db1-ea11-afa9-00155db6eaf4", "2020-06-18T06:31:58.11Z", NotFoundError)
NO_JOB = Documented(404, 4018, "aa400d4b-fffe-ea11-8277-00155d4ff7ed", "2020-09-25T07:18:22.78Z", NotFoundError)
POSTPAID = Documented(
    403, 1201, "c388daa9-980e-eb11-81f8-0433c2195dfb", "2020-10-15T03:44:02.25Z", PermissionDeniedError
)
TLS = Documented(426, 1014, _MSISDN_ID, "2018-08-04T09:25:40.9235752+00:00", TLSVersionError)
QUOTA = Documented(429, 429, "c8a41b47-57bf-ea11-8273-00155d466a31", "2020-07-06T07:07:00.30Z", RateLimitError)
INTERNAL = Documented(500, 2000, _KEY_ID, "2018-07-02T09:42:38.8988997+00:00", ServerError, MAYBE, retried=True)

# Every code of the table of error codes: its status, its class, `sent`, and whether it is retried.
_CODES: list[tuple[int, int, type[APIError], Sent, bool]] = [
    *[(c, 400, BadRequestError, NO, False) for c in (*range(1000, 1013), 1100, 3001, 3006, 3038, 3060)],
    (1014, 426, TLSVersionError, NO, False),
    (1200, 401, AuthenticationError, NO, False),
    (1201, 403, PermissionDeniedError, NO, False),
    (1300, 404, NotFoundError, NO, False),
    (1400, 500, APIError, NO, False),
    *[(c, 500, ServerError, MAYBE, True) for c in range(2000, 2004)],
]
# Each code with its own status, and with two statuses that contradict it.
CODES = [(code, status, *rest) for code, own, *rest in _CODES for status in sorted({own, 200, 500})]


@attrs.frozen
class Odd:
    """An answer that no page documents for an operation, but that occurs.

    `body` None: the operation's own success, cut off. `reads`: the answer is an error only for operations that read it.
    """

    name: str
    status: int
    body: bytes | None
    error: type[EightByEightError]
    sent: Sent
    code: int | None = None
    retried: bool = False
    reads: bool = False
    headers: dict[str, str] = attrs.field(factory=dict)


ODD = [
    Odd("wrong sub-account as 500", 500, coded(1001), BadRequestError, NO, code=1001),
    Odd("wrong sub-account as 200", 200, coded(1001), BadRequestError, NO, code=1001),
    Odd("internal error as 200", 200, coded(2000), ServerError, MAYBE, code=2000, retried=True),
    Odd("internal error as 400", 400, coded(2000), ServerError, MAYBE, code=2000, retried=True),
    Odd("internal error as 401", 401, coded(2000), ServerError, MAYBE, code=2000, retried=True),
    Odd("too fast", 429, coded(429), RateLimitError, NO, code=429, headers={"Retry-After": "7"}),
    Odd("too fast, without words", 429, b"", RateLimitError, NO, headers={"Retry-After": "7"}),
    Odd("a gateway's page", 502, HTML, UnexpectedResponseError, MAYBE),
    Odd("a gateway's page as 200", 200, HTML, UnexpectedResponseError, MAYBE, reads=True),
    Odd("nothing as 503", 503, b"", UnexpectedResponseError, MAYBE),
    Odd("nothing as 200", 200, b"", UnexpectedResponseError, MAYBE, reads=True),
    Odd("an error cut off", 500, TRUNCATED, UnexpectedResponseError, MAYBE),
    Odd("a success cut off", 200, None, UnexpectedResponseError, MAYBE, reads=True),
    Odd("another object", 200, b'{"data":{}}', UnexpectedResponseError, MAYBE, reads=True),
    Odd("a redirect", 302, b"", UnexpectedResponseError, MAYBE, headers={"Location": "/elsewhere"}),
]

_QUEUED = {"code": "QUEUED", "description": "accepted"}
_SINGAPORE = {"alpha2Code": "SG", "countryName": "Singapore", "dialingPrefix": "+65"}


def _operator(name: str, number: int, *networks: str) -> dict[str, Any]:
    return {
        "operatorName": name,
        "operatorId": number,
        "hni": [{"mcc": "525", "mnc": mnc} for mnc in networks],
        "price": {"amount": 0.0099171, "currency": "SGD"},
    }


# By operation: status and body of the documented success (b"": empty), with every field of the documented example.
SUCCESSES: dict[str, tuple[int, Any]] = {
    "sms.send": (
        200,
        {
            "umid": "bda3d56d-1424-e711-813c-06ed3428fe67",
            "clientMessageId": "client-message-id",
            "destination": "12025550275",
            "encoding": "GSM7",
            "status": _QUEUED,
        },
    ),
    "sms.send_batch": (
        200,
        {
            "batchId": "f1ea5276-a824-e711-8146-022a22cc1c71",
            "clientBatchId": "Demo#1001",
            "acceptedCount": 3,
            "rejectedCount": 1,
            "messages": [
                {
                    "umid": "f2ea5276-a824-e711-8146-022a22cc1c71",
                    "clientMessageId": "Demo#1001/6598760001",
                    "destination": "6598760001",
                    "encoding": "GSM7",
                    "status": _QUEUED,
                },
                {
                    "umid": "f3ea5276-a824-e711-8146-022a22cc1c71",
                    "clientMessageId": "id_100001",
                    "destination": "659876002",
                    "encoding": "GSM7",
                    "status": _QUEUED,
                },
                {
                    "umid": "f3ea5276-a824-e711-8146-022a22cc1c71",
                    "clientMessageId": "id_100002",
                    "destination": "33509750003",
                    "encoding": "UCS2",
                    "status": _QUEUED,
                },
                {
                    "umid": "f3ea5276-a824-e711-8146-022a22cc1c71",
                    "clientMessageId": "id_100003",
                    "destination": "+1123456789",
                    "encoding": "GSM7",
                    "status": {"code": "REJECTED", "description": "refused"},
                },
            ],
        },
    ),
    "sms.cancel": (200, {"cancelledCount": 1}),
    "sms.cancel_batch": (200, {"cancelledCount": 10}),
    "sms.get": (
        200,
        {
            "umid": "dec02e44-c76f-4a0a-b69f-6ac2a4386eb9",
            "subAccountId": "sub-account",
            "direction": "outbound",
            "country": "SG",
            "status": {
                "state": "delivered",
                "detail": "delivered_to_recipient",
                "timestamp": "2020-06-17T04:17:21.06Z",
            },
            "msisdn": "+63922110xxxx",
            "source": "Seller",
            "body": "**MASKED**",
            "encoding": "GSM8",
            "createdAt": "2020-06-17T04:17:21.06Z",
            "smsCount": 2,
            "price": {"total": 0.0024, "perSms": 0.0012, "currency": "EUR"},
            "clientMessageId": "some-client-identifier",
        },
    ),
    "sms.send_feedback": (200, b""),
    "sms.start_log_export": (202, {"jobId": "F1T6z9C5tW2QV1pdMzO9xpMXrYEmfnvqORGqpePJGpgzjTJ80TSaZEE7aX2wrgix"}),
    "sms.get_log_export": (
        200,
        {
            "status": "succeeded",
            "data": ["https://sms.8x8.com/api/v1/subaccounts/acme_hq/messages/download/long-unique-token-here"],
            "expires": "2020-10-25T06:58:41.74Z",
        },
    ),
    "sms.cancel_log_export": (204, b""),
    "chatapps.send": (
        200,
        {
            "umid": "82188ee0-109f-e811-8150-020897df5459",
            "user": {"msisdn": "+6512341234"},
            "clientMessageId": "1234_id",
            "status": {"state": "queued", "timestamp": "2021-01-04T08:19:45.99Z"},
        },
    ),
    "chatapps.send_batch": (
        200,
        {
            "batchId": "cf3cbbf5-3e2d-ea11-815d-020897df5459",
            "clientBatchId": "aaa_batch",
            "acceptedCount": 1,
            "rejectedCount": 1,
            "messages": [
                {
                    "umid": "d03cbbf5-3e2d-ea11-815d-020897df5459",
                    "user": {"msisdn": "+6500000000"},
                    "clientMessageId": "aaa-1",
                    "status": {"state": "queued", "timestamp": "2020-01-04T08:19:45.99Z"},
                },
                {
                    "umid": "15bb8ad1-d06e-418c-8dc7-ac8a00ffeb70",
                    "user": {"msisdn": "+65000001"},
                    "clientMessageId": "aaa-2",
                    "status": {
                        "state": "rejected",
                        "timestamp": "2020-01-04T08:19:45.99Z",
                        "errorCode": 3038,
                        "errorMessage": "no such template",
                    },
                },
            ],
        },
    ),
    "chatapps.cancel": (200, {"cancelledCount": 1}),
    "chatapps.cancel_batch": (200, {"cancelledCount": 10}),
    "chatapps.get": (
        200,
        {
            "data": [
                {
                    "umid": "dec02e44-c76f-4a0a-b69f-6ac2a4386eb9",
                    "subAccountId": "sub_account_id",
                    "channel": "WhatsApp",
                    "channelId": "904d1303-5754-e911-8154-020897df5459",
                    "direction": "Outbound",
                    "status": {"state": "read", "timestamp": "2020-06-17T04:25:21.06Z"},
                    "contentType": "Text",
                    "createdAt": "2020-06-17T04:15:21.06Z",
                    "step": 2,
                    "country": "SG",
                    "user": {"msisdn": "+63922110xxxx", "channelUserId": "PH.26717025731320236"},
                    "content": "**MASKED**",
                    "clientMessageId": "client message id",
                    "clientBatchId": "client batch id",
                    "batchId": "c9c01382-38bf-4e27-8962-ae0684ab56c3",
                }
            ]
        },
    ),
    "account.prices": (
        200,
        {
            "subAccounts": [
                {
                    "subAccountId": "example",
                    "outbound": {
                        "countries": [
                            {
                                **_SINGAPORE,
                                "operators": [
                                    _operator("SingTel", 525001, "01", "02", "07"),
                                    _operator("MobileOne", 525003, "03"),
                                    _operator("Starhub", 525005, "05", "06"),
                                ],
                            }
                        ]
                    },
                    "inbound": {
                        "countries": [
                            {
                                **_SINGAPORE,
                                "numberTypes": [
                                    {"type": "tollFree", "defaultPrice": {"amount": 0.01, "currency": "SGD"}},
                                    {"type": "shortCodeP2P", "defaultPrice": {"amount": 0.123, "currency": "SGD"}},
                                ],
                            }
                        ]
                    },
                }
            ]
        },
    ),
    "account.balance": (200, {"balance": 149309.7985931, "currency": "USD"}),
}


def success(name: str) -> bytes:
    """Returns the body of an operation's documented success."""
    body = SUCCESSES[name][1]
    return body if isinstance(body, bytes) else json.dumps(body).encode()
