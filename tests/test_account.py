"""`client.account`: the account in a request, the form of each filter, and price lists of every documented shape."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from answers import success
from conftest import ACCOUNT
from scripted import ScriptedServer, answer

from eightbyeight_async import (
    AsyncConnectClient,
    InvalidRequestError,
    PermissionDeniedError,
    Sent,
    SmsRequest,
    UnexpectedResponseError,
    from_dict,
    to_dict,
)
from eightbyeight_async.prices import cost
from eightbyeight_async.sandbox import Sandbox

if TYPE_CHECKING:
    Serve = Callable[..., ScriptedServer]
    Connect = Callable[..., AsyncConnectClient]

pytestmark = pytest.mark.anyio

OTHER = "0F0E0D0C0B0A09080706050403020100"  # without dashes and in upper case, as 8x8's pattern allows


async def test_only_its_own_operations_need_an_account(serve: Serve, connect: Connect) -> None:
    with serve() as server:
        async with connect(server, account_id=None) as client:
            await client.sms.send(SmsRequest(destination="+6598765432", text="Hello"))
            for operation in (client.account.prices, client.account.balance):
                with pytest.raises(InvalidRequestError, match="EIGHTBYEIGHT_ACCOUNT_ID") as caught:
                    await operation()
                assert (caught.value.field, caught.value.sent, caught.value.attempts) == ("account_id", Sent.NO, 0)
    assert len(server.received) == 1


async def test_the_account_comes_from_argument_environment_or_view(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EIGHTBYEIGHT_ACCOUNT_ID", OTHER)
    with serve(answer(200, success("account.balance"))) as server:
        async with connect(server, account_id=None) as client:
            await client.account.balance()
        async with connect(server) as client:
            await client.account.balance()
            await client.with_options(account_id=OTHER).account.balance()
            await client.with_options(subaccount_id="other").account.balance()
            with pytest.raises(InvalidRequestError) as caught:
                client.with_options(account_id="acme_hq")
    assert caught.value.field == "account_id"
    asked = [request.target.split("/")[4] for request in server.received]
    assert asked == [OTHER, ACCOUNT, OTHER, ACCOUNT]


async def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EIGHTBYEIGHT_ACCOUNT_ID", "")
    async with AsyncConnectClient("key", "acme_hq") as client:
        with pytest.raises(InvalidRequestError, match="is not set"):
            await client.account.balance()


@pytest.mark.parametrize(
    ("filters", "query"),
    [
        ({}, ""),
        ({"country": "sg"}, "?country=SG"),
        ({"direction": "inbound"}, "?direction=inbound"),
        ({"mcc": 525, "mnc": 0}, "?mcc=525&mnc=0"),
        ({"subaccount_id": "a&c.b"}, "?subAccountId=a%26c.b"),
    ],
)
async def test_a_filter_is_in_the_query(serve: Serve, connect: Connect, filters: Any, query: str) -> None:
    with serve(answer(200, success("account.prices"))) as server:
        async with connect(server) as client:
            await client.account.prices(**filters)
    assert [request.target for request in server.received] == [f"/api/v1/accounts/{ACCOUNT}/prices{query}"]


@pytest.mark.parametrize(
    ("filters", "field"),
    [
        ({"country": "SGP"}, "country"),
        ({"country": "S&"}, "country"),
        ({"country": 65}, "country"),
        ({"mcc": 525}, "mnc"),
        ({"mnc": 1}, "mcc"),
        ({"mcc": "525", "mnc": 1}, "mcc"),
        ({"mcc": 525, "mnc": 1000}, "mnc"),
        ({"mcc": True, "mnc": 1}, "mcc"),
        ({"mcc": -1, "mnc": 1}, "mcc"),
        ({"direction": "sideways"}, "direction"),
        ({"subaccount_id": "a/../b"}, "subaccount_id"),
        ({"contry": "SG"}, "contry"),
    ],
)
async def test_a_wrong_filter_is_named_and_nothing_is_asked(
    serve: Serve, connect: Connect, filters: Any, field: str
) -> None:
    with serve() as server:
        async with connect(server) as client:
            with pytest.raises(InvalidRequestError) as caught:
                await client.account.prices(**filters)
    assert caught.value.field == field
    assert server.received == []


# The same list in three forms: as in the schema of the OpenAPI file, as in its example, and a mix of the two.
DOCUMENTED = json.loads(success("account.prices"))
ENTRY = DOCUMENTED["subAccounts"][0]
SHAPES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "an object with countries": lambda part: part,
    "an array of such objects": lambda part: [part],
    "an array of one object for each country": lambda part: [{"countries": [one]} for one in part["countries"]],
    "an array of countries": lambda part: part["countries"],
    "both at once": lambda part: [{"countries": []}, *part["countries"]],
}


@pytest.mark.parametrize("inbound", SHAPES)
@pytest.mark.parametrize("outbound", SHAPES)
async def test_every_shape_of_the_list_is_the_same_list(
    serve: Serve, connect: Connect, outbound: str, inbound: str
) -> None:
    parts = {"outbound": SHAPES[outbound](ENTRY["outbound"]), "inbound": SHAPES[inbound](ENTRY["inbound"])}
    body = json.dumps({"subAccounts": [{**ENTRY, **parts}]})
    with serve(answer(200, success("account.prices")), answer(200, body)) as server:
        async with connect(server) as client:
            documented, other = await client.account.prices(), await client.account.prices()
    assert other == documented
    assert [one.alpha2_code for one in other.sub_accounts[0].outbound] == ["SG"]
    assert from_dict(type(other), json.loads(json.dumps(to_dict(other)))) == other


@pytest.mark.parametrize(
    ("operators", "prices"),
    [
        (None, []),
        ("none", []),
        ([{"price": None}], [None]),
        ([{"price": {"amount": "dear", "currency": "SGD"}}], [None]),
        ([{"price": {"amount": 1}}], [None]),
        ([5, None, {"price": {"amount": 1, "currency": "SGD"}, "hni": [7, {"mcc": 525}]}], [Decimal(1)]),
        ([{"operatorId": "x", "price": {"amount": "0.10", "currency": "SGD"}}], [Decimal("0.10")]),
    ],
)
async def test_what_cannot_be_read_costs_only_itself(
    serve: Serve, connect: Connect, operators: Any, prices: list[Decimal | None]
) -> None:
    countries = [{"countryName": "no code"}, 5, {"alpha2Code": "SG", "operators": operators}]
    body = {"subAccounts": [{"subAccountId": 5, "outbound": {"countries": countries}, "inbound": "none"}]}
    with serve(answer(200, json.dumps(body))) as server:
        async with connect(server) as client:
            found = await client.account.prices()
    (listed,) = found.sub_accounts
    (country,) = listed.outbound
    assert (listed.sub_account_id, country.alpha2_code) == (None, "SG")
    assert [one.price and one.price.amount for one in country.operators] == prices


@pytest.mark.parametrize("name", ["prices", "balance"])
@pytest.mark.parametrize("body", ["{}", "[]", '{"subAccounts": {}, "balance": "much"}', '{"subAccounts": [5]}'])
async def test_an_answer_without_prices_or_balance_is_no_empty_one(
    serve: Serve, connect: Connect, name: str, body: str
) -> None:
    with serve(answer(200, body)) as server:
        async with connect(server) as client:
            with pytest.raises(UnexpectedResponseError) as caught:
                await getattr(client.account, name)()
    assert caught.value.sent is Sent.NO


@pytest.mark.parametrize("written", ["0.1", "149309.7985931", "-0.000000001", "0.30000000000000000001", "7"])
async def test_money_is_the_number_as_written_never_a_float(serve: Serve, connect: Connect, written: str) -> None:
    with serve(answer(200, f'{{"balance": {written}}}')) as server:
        async with connect(server) as client:
            found = await client.account.balance()
    assert (found.balance, found.currency) == (Decimal(written), None)


async def test_a_price_list_of_the_sandbox_can_be_set_and_computed_with() -> None:
    with Sandbox(more_subaccount_ids=["other"]) as sandbox:
        sandbox.account.outbound["SG"] = {"Singtel": Decimal("0.05"), "StarHub": Decimal("0.04"), "M1": None}
        sandbox.account.balance = Decimal("12.5")
        async with sandbox.client() as client:
            prices = await client.account.prices()
            assert {one.sub_account_id for one in prices.sub_accounts} == {"sandbox-account", "other"}
            planned = cost({"SG": 3, "DE": 1}, prices, client.subaccount_id)
            balance = await client.account.balance()
            sandbox.account.balance = None
            with pytest.raises(PermissionDeniedError, match="not prepaid") as caught:
                await client.account.balance()
        assert sandbox.violations == []
    assert [(one.lowest, one.highest) for one in planned.countries] == [
        (Decimal("0.12"), Decimal("0.15")),
        (Decimal("0.0012"), Decimal("0.0012")),
    ]
    assert (balance.balance, balance.currency) == (Decimal("12.5"), "EUR")
    assert (caught.value.code, caught.value.sent) == (1201, Sent.NO)
