"""The messages that every contender sends, and the server's response: the same data for all.

A message is made while the time is measured: the SDK makes its validated models, the others make a dict. Each message
has its own `clientMessageId`, so the server notices a message that was sent twice.
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
    """Message `index` as a JSON object, as an application without an SDK builds it (about 200 bytes)."""
    return {
        "destination": destination(index),
        "source": SOURCE,
        "text": TEXT,
        "clientMessageId": message_id(index),
    }
