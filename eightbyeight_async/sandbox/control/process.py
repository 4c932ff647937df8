"""A sandbox in a process of its own, for tests that kill the program under test and count afterwards.

`python -m eightbyeight_async.sandbox` prints the environment for a client as one line of JSON, then answers each
line on its standard input with one line of JSON on its standard output. It ends with its standard input, so it
never outlives the test that started it.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from eightbyeight_async.sandbox.api.operation_results import JSONObject

_PATIENCE = 20.0


class SandboxProcess:
    """Starts that program and asks it; for `with`. Every method waits for the answer.

    `arguments`: its options, e.g. `"--keep", "counts"`. `environment`: the variables that point a client at it.
    """

    environment: dict[str, str]

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "eightbyeight_async.sandbox", *self._arguments]
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, this package
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", env=_environment()
        )
        try:
            self.environment = self._read()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it; again and again is fine."""
        process, self._process = self._process, None
        if process is None:
            return
        with process:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):  # it has ended by itself, something was still to be written
                        pipe.close()
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()

    def counts(self) -> dict[str, int]:
        """How often each clientMessageId was accepted."""
        counted: dict[str, int] = self._ask("counts")
        return counted

    def totals(self) -> JSONObject:
        """Counted: accepted, rejected, cancelled, requests, ids (different ones), repeated (accepted twice or
        more), drawn (faults by rate), violations."""
        counted: JSONObject = self._ask("totals")
        return counted

    def faults(self, **rates: float) -> None:
        """The rates of `Faults.random`, and its `seed` and `retry_after`; without any no more faults."""
        self._ask("faults " + " ".join(f"{name}={value}" for name, value in rates.items()))

    def advance(self, seconds: float) -> None:
        """Move the sandbox's clock."""
        self._ask(f"advance {seconds}")

    def reset(self) -> None:
        self._ask("reset")

    def _ask(self, command: str) -> Any:  # noqa: ANN401 - each command's own answer
        process = self._running()
        assert process.stdin is not None  # noqa: S101 - a pipe was asked for
        process.stdin.write(command + "\n")
        process.stdin.flush()
        answer = self._read()
        if "error" in answer:
            raise ValueError(f"the sandbox's process says: {answer['error']}")
        return answer["result"]

    def _read(self) -> JSONObject:
        process = self._running()
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the sandbox's process has ended, exit code {process.wait(_PATIENCE)}")
        answer: JSONObject = json.loads(line)
        return answer

    def _running(self) -> "subprocess.Popen[str]":
        if self._process is None:
            raise RuntimeError("this sandbox is not running: use it in a with block")
        return self._process

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def _environment() -> Mapping[str, str]:
    """This process's, with the path it found this package by."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
