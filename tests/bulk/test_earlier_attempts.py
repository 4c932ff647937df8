"""A refusal after an attempt that may have reached 8x8: the campaign does not record the message as refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from eightbyeight_async import RetryPolicy, SmsRequest
from eightbyeight_async.bulk import Campaign, State, read_rows, status
from eightbyeight_async.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from pathlib import Path

UMID = "bda3d56d-1424-e711-813c-06ed3428fe67"
REJECTED = {"umid": UMID, "status": {"code": "REJECTED", "description": "no"}}


@pytest.mark.parametrize("mode", ["each", "batch"])
@pytest.mark.parametrize("lost", [False, True])
def test_it_stays_unknown_and_is_not_sent_again(tmp_path: Path, mode: str, lost: bool) -> None:
    """8x8 accepts the message, answers "internal error", and rejects the second try. The message has gone out."""
    journal = tmp_path / "run.db"
    batch = {"batchId": UMID, "acceptedCount": 0, "rejectedCount": 1, "messages": [REJECTED]}
    answer = Fault.answer(json.dumps(REJECTED if mode == "each" else batch).encode())

    async def run(sandbox: Sandbox, **options: Any) -> Any:
        client = sandbox.client(retry=RetryPolicy(max_delay=0.0))
        async with client, Campaign(client, journal, mode=mode, durability="process", **options) as campaign:  # type: ignore[arg-type]
            return await campaign.send([SmsRequest(destination="+6591110001", text="Your code")])

    async def main() -> None:
        with Sandbox() as sandbox:
            sandbox.faults.plan([Fault.server_error(accepts=True), answer] if lost else [answer])
            report = await run(sandbox)
            assert (report.unknown, report.rejected) == ((1, 0) if lost else (0, 1))
            # a refused message is sent again; a message that may have gone out is not
            await run(sandbox, resend_failed=True)
            assert len(sandbox.messages) == 1

    anyio.run(main)
    (row,) = read_rows(journal)
    assert row.state is (State.UNKNOWN if lost else State.SENT)
    assert status(journal).unknown == int(lost)
