"""What all tests share: an authority of their own, and clients that trust it and nothing else."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from scripted import QUEUED, ScriptedServer, Step

from eightbyeight_async import AsyncConnectClient

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "key-2f6c1a9be07d"
SUBACCOUNT = "acme_hq"


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Every test marked anyio runs on both event loops, unless it names one."""
    return str(request.param)


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("API_KEY", "SUBACCOUNT_ID", "REGION", "SMS_BASE_URL", "CHATAPPS_BASE_URL")
    for name in names:
        monkeypatch.delenv(f"EIGHTBYEIGHT_{name}", raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    """A client's context: TLS 1.3, trusts the tests' authority."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


@pytest.fixture
def serve(authority: trustme.CA) -> Callable[..., ScriptedServer]:
    """`with serve(step, step, ...) as server`: answers in that order, the last one for good."""

    def make(*script: Step, **options: Any) -> ScriptedServer:
        return ScriptedServer(script or [QUEUED], **{"authority": authority, **options})

    return make


@pytest.fixture
def connect(tls: ssl.SSLContext) -> Callable[..., AsyncConnectClient]:
    """A client of such a server."""

    def make(server: ScriptedServer, **options: Any) -> AsyncConnectClient:
        settings: dict[str, Any] = {
            "sms_base_url": server.url,
            "chatapps_base_url": server.url,
            "ssl_context": tls,
            "timeout": 10,
        }
        settings.update(options)
        if "http_client" in settings:
            settings.pop("ssl_context")
        return AsyncConnectClient(KEY, SUBACCOUNT, **settings)

    return make
