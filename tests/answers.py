"""The table of answers: status x body -> class, sent, attempts. Pure tests and tests over real TLS both walk it.

Bodies are transcribed from 8x8's reference (error bodies, cancellations), rubbish is a gateway's.
"""

from __future__ import annotations

import json

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
    # The code decides, whatever the status: every status with a sub-account error, with an internal error.
    *[Case(s, coded(1001), BadRequestError, NO, code=1001) for s in (200, 302, 400, 401, 404, 422, 426, 429, 500, 503)],
    *[Case(s, coded(2000), ServerError, MAYBE, 4, code=2000) for s in (200, 302, 400, 401, 404, 426, 429, 500, 502)],
    # Every class of codes, on the status it is documented with.
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
    # A code without a class of its own: the status, else an API error nobody can name.
    Case(400, coded(1400), BadRequestError, NO, code=1400),
    Case(500, coded(1400), APIError, NO, code=1400),
    *[Case(400, coded(c), BadRequestError, NO, code=c) for c in (999, 1500, 1999, 4000, 0, -2000, 20000)],
    *[Case(500, coded(c), APIError, MAYBE, code=c) for c in (999, 1999, 3_000_000, 4000, 9999)],
    Case(409, coded(9999), APIError, NO, code=9999),
    Case(200, coded(9999), APIError, MAYBE, code=9999),
    # No code: 4xx that the platform names mean what they say; nothing is retried on a status.
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
    # No code and a status of nobody's: a gateway spoke, the message may be out.
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
    # A 2xx that cannot be read.
    *[
        Case(200, body, UnexpectedResponseError, MAYBE)
        for body in (b"", HTML, TRUNCATED, b"{}", b"[]", b"null", b'{"umid":7}', b'{"umid":"1"}', WITHOUT_CODE)
    ],
    Case(202, b"", UnexpectedResponseError, MAYBE),
    Case(204, b"", UnexpectedResponseError, MAYBE),
]
