"""Starts and stops the server process and the client processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from benchmarks.contenders import CONTENDERS
from benchmarks.settings import uvloop_installed

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Server", "run_job", "run_python"]


class Server:
    """A context manager: a server in its own process, `benchmarks.server` or a module with the same interface."""

    def __init__(self, module: str = "benchmarks.server") -> None:
        self._module = module

    def __enter__(self) -> Self:
        self._directory = tempfile.TemporaryDirectory(prefix="benchmarks-")
        self.ca_file = str(Path(self._directory.name, "ca.pem"))
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
            [sys.executable, "-m", self._module, self.ca_file],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        hello = json.loads(self._process.stdout.readline())
        self.url = f"https://127.0.0.1:{hello['port']}"
        self.loop: str = hello["loop"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._directory.cleanup()

    def bundle(self) -> str:
        """Writes a file with two authorities: certifi's, which a default TLS context loads, and the server's own."""
        import certifi  # noqa: PLC0415 - httpx brings it; only the cold start needs it

        path = Path(self.ca_file).with_name("bundle.pem")
        path.write_text(Path(certifi.where()).read_text() + Path(self.ca_file).read_text())
        return str(path)


def run_job(
    job: str, contender: str, options: dict[str, Any], environment: dict[str, str] | None = None
) -> dict[str, Any]:
    """Runs `benchmarks.jobs.<job>` in a fresh process and returns what the job measured."""
    loop = CONTENDERS[contender].loop
    fast = loop == "uvloop" or (loop == "any" and uvloop_installed())
    order = {"job": job, "fast": fast, "options": {"contender": contender, **options}}
    result: dict[str, Any] = json.loads(run_python(["-m", "benchmarks.child", json.dumps(order)], environment))
    return result


def run_python(arguments: list[str], environment: dict[str, str] | None = None) -> str:
    """Runs a fresh interpreter and returns the last line that it printed.

    The interpreter may write byte code. Otherwise every start would compile the sources again, which no installed
    package does.

    Raises:
        RuntimeError: the interpreter failed; the text has its stderr.
    """
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    finished = subprocess.run(  # noqa: S603 - our own interpreter, our own module
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**inherited, **(environment or {})},
    )
    if finished.returncode or not finished.stdout:
        raise RuntimeError(f"{arguments} failed with {finished.returncode}:\n{finished.stderr[-4000:]}")
    return finished.stdout.splitlines()[-1]
