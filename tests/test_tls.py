"""TLS 1.3 or nothing, with certificates checked: against servers that would do less."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from eightbyeight_async import AsyncConnectClient, InvalidRequestError, Sent, SmsRequest, TransportError
from eightbyeight_async.transport.tls import checked_context, pinned_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from scripted import ScriptedServer

REQUEST = SmsRequest(destination="+6598765432", text="Hello")


def at_most_tls12(context: ssl.SSLContext) -> None:
    context.maximum_version = ssl.TLSVersion.TLSv1_2


def test_the_pinned_context() -> None:
    context = pinned_context()
    assert context.minimum_version == ssl.TLSVersion.TLSv1_3
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


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
    import httpx

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
