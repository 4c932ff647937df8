"""Ctrl-C on a real process: once for a graceful end, twice for a quick one. The journal is right in both cases."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from held import held
from patience import PATIENCE, until

from eightbyeight_async.bulk import status
from eightbyeight_async.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import asyncio, signal, sys
from eightbyeight_async import AsyncConnectClient, SmsRequest
from eightbyeight_async.bulk import Campaign

async def main():
    messages = (SmsRequest(destination=f"+6581{index:06d}", text="Your code") for index in range(10_000))
    settled = []
    def note(one):
        settled.append(one)
        if len(settled) == 20:
            print("under way", flush=True)
    async with AsyncConnectClient(timeout=3600) as client:
        async with Campaign(client, sys.argv[1], mode="each", max_concurrency=10, on_result=note) as campaign:
            sending = asyncio.ensure_future(campaign.send(messages))
            presses = []
            def pressed():
                presses.append(1)
                print("pressed", flush=True)
                campaign.stop() if len(presses) == 1 else sending.cancel()
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, pressed)
            try:
                print((await sending).stopped, flush=True)
            except asyncio.CancelledError:
                print("cancelled", flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c(tmp_path: Path, presses: int) -> None:
    journal = tmp_path / "run.db"
    with Sandbox() as sandbox, ExitStack() as until_pressed:
        if presses == 1:
            until_pressed.enter_context(held(sandbox, 30))
        else:  # messages after the twentieth get no answer
            sandbox.faults.plan([*[None] * 20, Fault.slow(10 * PATIENCE, times=None)])
        environment = {**os.environ, **sandbox.environment}
        command = [sys.executable, "-W", "error", "-c", PROGRAM, str(journal)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as program:  # noqa: S603
            assert program.stdout is not None
            assert program.stdout.readline() == "under way\n"
            until(lambda: len(sandbox.messages) >= 30)
            for _ in range(presses):
                program.send_signal(signal.SIGINT)
                assert program.stdout.readline() == "pressed\n"
            until_pressed.close()
            said = program.stdout.read()
        found = status(journal)
        accepted = len(sandbox.messages)
    assert (program.returncode, said) == (0, "asked to stop\n" if presses == 1 else "cancelled\n")
    assert found.sent <= accepted <= found.sent + found.unknown  # a request that was cut off may not have arrived
    assert found.unknown == (0 if presses == 1 else 10)
