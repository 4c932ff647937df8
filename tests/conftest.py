"""Fixtures of all tests: the same examples in every run, an authority, and clients that trust only this authority."""

from __future__ import annotations

import gc
import os
import signal
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import none
from patience import PATIENCE
from scripted import QUEUED, ScriptedServer, Step

from eightbyeight_async import AsyncConnectClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ledger.postgres import PostgresServer

KEY = "key-2f6c1a9be07d"
SUBACCOUNT = "acme_hq"
ACCOUNT = "2f1d6a0e-5c1b-4c57-9b0a-6d9f0f3b7a11"

# `nohup`, and a shell that starts a job in the background, ignore these signals. Every child process inherits that.
for _name, _usual in {"SIGINT": signal.default_int_handler, "SIGHUP": signal.SIG_DFL}.items():
    if (_number := getattr(signal, _name, None)) and signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _usual)

# The suite draws the same examples in every run, with no time limit for slow machines. 50 examples, because more of the
# same find nothing new. `nox -s fuzz` draws new examples; it sets the variable.
FUZZ_SECONDS = float(os.environ.get("EIGHTBYEIGHT_FUZZ", "0"))
settings.register_profile(
    "suite",
    max_examples=50,
    derandomize=True,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("fuzz", settings.get_profile("suite"), max_examples=100, derandomize=False)
settings.load_profile("fuzz" if FUZZ_SECONDS else "suite")


def pytest_collection() -> None:
    gc.disable()  # What is made while tests are collected stays, so the collector would find nothing (0.5 s of CPU).


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests come first, so that no process works alone at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    """Excludes the 300,000 objects that exist before the tests from every garbage collection.

    Hypothesis looks up its own objects through the collector, which hides frozen objects. So one property test runs
    first.
    """
    given(none())(lambda _nothing: None)()
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """For `nox -s fuzz`: repeats each property test with new examples until its share of the time is over."""
    until = time.monotonic() + FUZZ_SECONDS / max(1, item.session.testscollected)
    yield
    while FUZZ_SECONDS and item.get_closest_marker("hypothesis") and time.monotonic() < until:
        item.runtest()


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Every test marked `anyio` runs on both event loops, unless it names one."""
    return str(request.param)


@pytest.fixture
def no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """On trio and through proxies, too, an idle connection is reused without a rest."""
    monkeypatch.setattr("eightbyeight_async.transport.anyio_transport._REST", 0.0)


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("API_KEY", "SUBACCOUNT_ID", "ACCOUNT_ID", "REGION", "SMS_BASE_URL", "CHATAPPS_BASE_URL", "LEDGER")
    for name in names:
        monkeypatch.delenv(f"EIGHTBYEIGHT_{name}", raising=False)
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> str:
    """A host name that nobody knows. The name server of this machine is not asked: some answer late, or invent one."""
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, *more: Any, **options: Any) -> Any:
        if host in {"nowhere.invalid", b"nowhere.invalid"}:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up(host, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return "nowhere.invalid"


@pytest.fixture(scope="session")
def _own_postgres() -> Iterator[PostgresServer | None]:
    """The PostgreSQL server of this test process; None if `EIGHTBYEIGHT_TEST_POSTGRES` names another server."""
    from ledger.postgres import GIVEN, QUIET, PostgresServer, why_not

    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    if GIVEN:
        yield None
        return
    with PostgresServer(QUIET) as server:
        yield server


@pytest.fixture(scope="session")
def postgres(_own_postgres: PostgresServer | None) -> Iterator[str]:
    """The URL of a PostgreSQL database that no other process of the tests uses. The first such test starts a server."""
    from ledger.postgres import given_database

    if _own_postgres is None:
        with given_database() as url:
            yield url
    else:
        yield _own_postgres.url


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    """A client's TLS context: TLS 1.3, trusts the tests' authority."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


@pytest.fixture
def serve(authority: trustme.CA) -> Callable[..., ScriptedServer]:
    """`with serve(step, step, ...) as server`: answers in that order, and repeats the last answer."""

    def make(*script: Step, **options: Any) -> ScriptedServer:
        return ScriptedServer(script or [QUEUED], **{"authority": authority, **options})

    return make


@pytest.fixture
def connect(tls: ssl.SSLContext) -> Callable[..., AsyncConnectClient]:
    """Returns a client of a server from `serve`."""

    def make(server: ScriptedServer, **options: Any) -> AsyncConnectClient:
        settings: dict[str, Any] = {
            "account_id": ACCOUNT,
            "sms_base_url": server.url,
            "chatapps_base_url": server.url,
            "ssl_context": tls,
            "timeout": PATIENCE,
        }
        settings.update(options)
        if "http_client" in settings:
            settings.pop("ssl_context")
        return AsyncConnectClient(KEY, SUBACCOUNT, **settings)

    return make
