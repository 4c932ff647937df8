"""Only TLS 1.3, and certificates are checked: tests against servers that offer less."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import certifi
import httpx
import pytest
import trustme

from eightbyeight_async import AsyncConnectClient, InvalidRequestError, Sent, SmsRequest, TransportError
from eightbyeight_async.transport.tls import checked_context, default_context, pinned_context

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scripted import ScriptedServer

REQUEST = SmsRequest(destination="+6598765432", text="Hello")


def at_most_tls12(context: ssl.SSLContext) -> None:
    context.maximum_version = ssl.TLSVersion.TLSv1_2


def test_the_pinned_context() -> None:
    context = pinned_context()
    assert context.minimum_version == ssl.TLSVersion.TLSv1_3
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


BUNDLE, DIRECTORY, KEY_LOG = "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"
ENVIRONMENTS: list[dict[str, str]] = [
    {},
    {BUNDLE: "{files}/one.pem"},
    {DIRECTORY: "{files}"},
    {BUNDLE: "{files}/one.pem", DIRECTORY: "{files}"},
    {BUNDLE: "", DIRECTORY: "", KEY_LOG: ""},
    {BUNDLE: "", DIRECTORY: "{files}/none"},
    {KEY_LOG: "{files}/keys.log"},
    {BUNDLE: "{files}/one.pem", KEY_LOG: "{files}/keys.log"},
    {BUNDLE: "{files}/none.pem"},
    {BUNDLE: "{files}"},
    {BUNDLE: "{files}/text.pem"},
    {KEY_LOG: "{files}/none/keys.log"},
    {KEY_LOG: "{files}"},
]


@pytest.fixture
def files(tmp_path: Path, authority: trustme.CA) -> Path:
    authority.cert_pem.write_to_path(str(tmp_path / "one.pem"))
    (tmp_path / "text.pem").write_text("no certificate")
    return tmp_path


def facts(make: Callable[[], ssl.SSLContext]) -> dict[str, Any]:
    """Returns the properties of a context, or the class of the exception that its constructor raised."""
    try:
        context = make()
    except OSError as error:
        return {"error": type(error), "errno": error.errno}
    names = [name for name, kind in vars(ssl.SSLContext).items() if isinstance(kind, property)]
    names += [name for name, kind in vars(ssl.SSLContext.__base__).items() if hasattr(kind, "__set__")]
    assert {"verify_mode", "check_hostname", "options", "verify_flags", "minimum_version", "keylog_filename"} <= {
        *names
    }
    found = {name: getattr(context, name) for name in names}
    return found | {
        "authorities": context.get_ca_certs(),
        "store": context.cert_store_stats(),
        "ciphers": context.get_ciphers(),
    }


@pytest.mark.parametrize("variables", ENVIRONMENTS, ids=str)
def test_the_default_context_is_that_of_httpx(
    variables: dict[str, str], files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also with the same arguments for `ssl`: it reads the authorities of a directory only when it needs them."""
    asked: list[tuple[Any, Any]] = []
    original = ssl.create_default_context

    def create(*arguments: Any, **options: Any) -> ssl.SSLContext:
        asked.append((arguments, options))
        return original(*arguments, **options)

    monkeypatch.setattr(ssl, "create_default_context", create)
    for name in (BUNDLE, DIRECTORY, KEY_LOG):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(files=files))
    assert facts(default_context) == facts(httpx.create_ssl_context)
    assert len(asked) == 2
    assert asked[0] == asked[1]


def test_whoever_replaces_certifis_bundle_is_heeded(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some systems and tools replace the bundle with the system's authorities."""
    monkeypatch.delenv(BUNDLE, raising=False)
    monkeypatch.delenv(DIRECTORY, raising=False)
    monkeypatch.setattr(certifi, "where", lambda: str(files / "one.pem"))
    assert len(default_context().get_ca_certs()) == 1


def context_with(**settings: object) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    for name, value in settings.items():
        setattr(context, name, value)
    return context


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.MINIMUM_SUPPORTED])
def test_a_context_that_allows_less_is_refused_at_construction(version: ssl.TLSVersion) -> None:
    for make in (
        lambda context: AsyncConnectClient("key", "acme_hq", ssl_context=context),
        checked_context,
    ):
        with pytest.raises(InvalidRequestError, match=r"^ssl_context: .*1\.3"):
            make(context_with(minimum_version=version))


def test_a_context_that_checks_nothing_is_refused_at_construction() -> None:
    context = context_with(check_hostname=False)
    context.verify_mode = ssl.CERT_OPTIONAL
    with pytest.raises(InvalidRequestError, match=r"^ssl_context: .*certificate"):
        AsyncConnectClient("key", "acme_hq", ssl_context=context)


def test_a_context_that_checks_no_names_is_refused_at_construction() -> None:
    with pytest.raises(InvalidRequestError, match=r"^ssl_context: .*name"):
        AsyncConnectClient("key", "acme_hq", ssl_context=context_with(check_hostname=False))
    no_context: Any = "x"
    with pytest.raises(InvalidRequestError, match=r"^ssl_context: must be an ssl.SSLContext"):
        AsyncConnectClient("key", "acme_hq", ssl_context=no_context)


def test_a_context_for_an_injected_client_is_refused(tls: ssl.SSLContext) -> None:
    with pytest.raises(InvalidRequestError, match="^ssl_context: "):
        AsyncConnectClient("key", "acme_hq", ssl_context=tls, http_client=httpx.AsyncClient(verify=tls))


@pytest.mark.anyio
async def test_a_server_of_tls12_gets_nothing(
    serve: Callable[..., ScriptedServer], connect: Callable[..., AsyncConnectClient]
) -> None:
    with serve(tls=at_most_tls12) as server:
        async with connect(server) as client:
            with pytest.raises(TransportError, match=r"does not speak TLS 1\.3") as caught:
                await client.sms.send(REQUEST)
    assert caught.value.sent is Sent.NO
    assert not server.received


@pytest.mark.anyio
async def test_a_server_of_another_authority_gets_nothing(
    serve: Callable[..., ScriptedServer], connect: Callable[..., AsyncConnectClient]
) -> None:
    with serve(authority=trustme.CA()) as server:
        async with connect(server) as client:
            with pytest.raises(TransportError, match="its certificate is not trusted") as caught:
                await client.sms.send(REQUEST)
    assert caught.value.sent is Sent.NO
    assert not server.received


@pytest.mark.anyio
async def test_a_server_with_another_name_gets_nothing(
    serve: Callable[..., ScriptedServer], connect: Callable[..., AsyncConnectClient]
) -> None:
    with serve(certificate_for="sms.example.com") as server:
        async with connect(server) as client:
            with pytest.raises(TransportError, match="its certificate is not trusted") as caught:
                await client.sms.send(REQUEST)
    assert caught.value.sent is Sent.NO
    assert not server.received
