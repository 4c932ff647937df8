"""The messages every contender sends, and the answer the server gives: the same bytes' worth for everyone.

A message is made when it is sent, inside the clock: the SDK pays for its validating models, the others for a dict.
Every message differs from every other (`clientMessageId`), so the server can tell a repeat from a new one.
"""

from __future__ import annotations

import json

__all__ = ["ANSWER", "API_KEY", "PATH", "SOURCE", "SUBACCOUNT", "TEXT", "destination", "message_id", "payload"]

API_KEY = "benchmark-key-0123456789abcdef0123456789"
SUBACCOUNT = "Benchmark_Hq"
PATH = f"/api/v1/subaccounts/{SUBACCOUNT}/messages"
SOURCE = "ACME"
TEXT = "Your parcel is on its way and arrives today between 14:00 and 16:00. Track it in the app."

ANSWER = json.dumps(
    {
        "umid": "9e1e3f5c-7d44-4a3a-9d5f-2b4f3c1a0e77",
        "clientMessageId": "benchmark-00000000",
        "destination": "6590000000",
        "encoding": "GSM7",
        "status": {"code": "QUEUED", "description": "SMS is accepted and queued for processing"},
    }
).encode()


def destination(index: int) -> str:
    return f"+659{index % 10_000_000:07d}"


def message_id(index: int) -> str:
    return f"benchmark-{index:08d}"


def payload(index: int) -> dict[str, str]:
    """Message `index` as the JSON object that somebody without an SDK would build (about 200 bytes)."""
    return {
        "destination": destination(index),
        "source": SOURCE,
        "text": TEXT,
        "clientMessageId": message_id(index),
    }
