"""A sandbox in its own process, for tests that kill the program under test and count messages afterwards.

It runs `python -m eightbyeight_async.sandbox`, whose docstring describes the lines of JSON on standard input and
output. That process ends when its standard input closes, so it never outlives the test that started it.
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

_PATIENCE = 20.0  # seconds to wait for the end of the process


class SandboxProcess:
    """A sandbox in another process, for `with`. Every method waits for its result.

    - `arguments`: options of `python -m eightbyeight_async.sandbox`, e.g. `"--keep", "counts"`.
    - `environment`: the environment variables that connect a client to this sandbox.

    Methods raise RuntimeError if the process does not run, and ValueError for a refused command.
    """

    environment: dict[str, str]

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start the process and wait until it answers."""
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
        """End the process. May be called any number of times."""
        process, self._process = self._process, None
        if process is None:
            return
        with process:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):  # the process ended before it read everything
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
        """Counts since the start or the last `reset`.

        - `accepted`, `rejected`, `cancelled`: messages.
        - `requests`: requests read to their end.
        - `ids`: different clientMessageIds accepted.
        - `repeated`: clientMessageIds accepted twice or more.
        - `drawn`: random faults, by name.
        - `violations`: a list of strings.
        """
        counted: JSONObject = self._ask("totals")
        return counted

    def faults(self, **rates: float) -> None:
        """Set random faults: the rates, `seed` and `retry_after` of `Faults.random`; no argument switches them off."""
        self._ask("faults " + " ".join(f"{name}={value}" for name, value in rates.items()))

    def advance(self, seconds: float) -> None:
        """Move the sandbox's clock forward."""
        self._ask(f"advance {seconds}")

    def reset(self) -> None:
        """Restore the state of the start; see `Sandbox.reset`."""
        self._ask("reset")

    def _ask(self, command: str) -> Any:  # noqa: ANN401 - each command has its own result type
        process = self._running()
        assert process.stdin is not None  # noqa: S101 - Popen was given PIPE
        process.stdin.write(command + "\n")
        process.stdin.flush()
        answer = self._read()
        if "error" in answer:
            raise ValueError(f"the sandbox's process says: {answer['error']}")
        return answer["result"]

    def _read(self) -> JSONObject:
        process = self._running()
        assert process.stdout is not None  # noqa: S101 - Popen was given PIPE
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
    """This process's environment, plus its import path, so that the new process finds this package."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
