"""A bad setting in the environment raises an InvalidRequestError that names the setting, before any call."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.command_line import in_process

from eightbyeight_async import AsyncConnectClient, InvalidRequestError

NO_SOCKS = "a SOCKS proxy needs another package"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "text.pem").write_text("no certificate")
    return tmp_path


CASES = [
    ("SSL_CERT_FILE", "{files}/none.pem", "names no file"),
    ("SSL_CERT_FILE", "{files}", "names no file"),
    ("SSL_CERT_FILE", "{files}/text.pem", "has no certificates in PEM format"),
    ("SSLKEYLOGFILE", "{files}/none/keys.log", "cannot be written"),
    ("SSLKEYLOGFILE", "{files}", "cannot be written"),
    ("ALL_PROXY", "socks://proxy.example.com:1", "must be a URL such as"),
    ("ALL_PROXY", "socks5://proxy.example.com:1", NO_SOCKS),
    ("HTTPS_PROXY", "http://proxy.example.com:port", "must be a URL such as"),
    ("HTTPS_PROXY", "ftp://proxy.example.com:1", "must be a URL such as"),
    ("HTTPS_PROXY", "http://", "names no host"),
    ("NO_PROXY", "localhost,fe80::/10", "IPv6 network"),
    ("NO_PROXY", "[::1]", "in brackets"),
    ("EIGHTBYEIGHT_API_KEY", '"key"', "still in quotes"),
    ("EIGHTBYEIGHT_API_KEY", "'key'", "still in quotes"),
    ("EIGHTBYEIGHT_API_KEY", "Bearer key", "give the key alone"),
    ("EIGHTBYEIGHT_ACCOUNT_ID", "acme_hq", "not a sub-account's name"),
    ("EIGHTBYEIGHT_SMS_BASE_URL", "https://sms.8x8.com/api/v1", "must end before /api/v1"),
    ("EIGHTBYEIGHT_SMS_BASE_URL", "https://sms.8x8.com/api/v1/subaccounts/acme/messages", "must end before /api/v1"),
    ("EIGHTBYEIGHT_CHATAPPS_BASE_URL", "https://proxy.example.com/8x8/api/v1/", "must end before /api/v1"),
]


@pytest.mark.parametrize(("name", "value", "words"), CASES)
def test_a_setting_that_cannot_be_used_is_named(
    name: str, value: str, words: str, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for other, good in (("API_KEY", "key"), ("SUBACCOUNT_ID", "acme_hq")):
        monkeypatch.setenv(f"EIGHTBYEIGHT_{other}", good)
    if words == NO_SOCKS:
        monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setenv(name, value.format(files=files))
    with pytest.raises(InvalidRequestError, match=words) as caught:
        AsyncConnectClient()
    assert caught.value.field == name.removeprefix("EIGHTBYEIGHT_").lower() if "EIGHTBYEIGHT" in name else name
    assert "proxy.example.com:" not in str(caught.value).replace("http://proxy.example.com:3128", "")


@pytest.mark.parametrize("value", ["", "*", "localhost,.example.com,10.0.0.0/8,*.test,::1,example.com:8080"])
def test_what_httpx_can_read_is_no_problem(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", value)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")
    AsyncConnectClient("key", "acme_hq")


def test_a_base_url_may_have_a_path_of_its_own() -> None:
    AsyncConnectClient("key", "acme_hq", sms_base_url="https://proxy.example.com/8x8/sms")


def test_the_command_line_says_it_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    settings = {"SSL_CERT_FILE": "/none.pem", "EIGHTBYEIGHT_API_KEY": "k", "EIGHTBYEIGHT_SUBACCOUNT_ID": "acme_hq"}
    ended = in_process("cancel", "x", capsys=capsys, **settings)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.count("\n") == 1, ended.err
    assert "SSL_CERT_FILE: names no file" in ended.err
