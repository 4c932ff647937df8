"""Prices and balance of the sandbox have the documented shape, keep the documented rules, and can be set."""

from decimal import Decimal
from typing import Any

import httpx
import pytest

from eightbyeight_async.sandbox import Fault, Sandbox


def path(sandbox: Sandbox, rest: str) -> str:
    return f"/api/v1/accounts/{sandbox.account_id}{rest}"


def listed(api: Any, query: str = "") -> Any:
    answer = api.call("GET", path(api.sandbox, f"/prices{query}"))
    assert answer.status_code == 200, answer.text
    assert api.sandbox.violations == []
    return answer.json()["subAccounts"]


def test_the_price_list_has_the_documented_shape(api: Any) -> None:
    (entry,) = listed(api, "?country=sg")
    singapore = {"alpha2Code": "SG", "dialingPrefix": "+65"}
    price = {"amount": 0.0012, "currency": "EUR"}
    operator = {"operatorName": "Singtel", "operatorId": 525001, "hni": [{"mcc": "525", "mnc": "01"}], "price": price}
    assert entry == {
        "subAccountId": "sandbox-account",
        "outbound": {"countries": [{**singapore, "operators": [operator]}]},
        "inbound": {"countries": [{**singapore, "numberTypes": [{"type": "longcode", "defaultPrice": price}]}]},
    }


def test_the_balance_has_the_documented_shape(api: Any) -> None:
    answer = api.call("GET", path(api.sandbox, "/balance"))
    assert (answer.status_code, answer.json()) == (200, {"balance": 100.0, "currency": "EUR"})
    assert api.sandbox.violations == []


def test_the_first_price_is_the_one_that_a_message_has(api: Any) -> None:
    umid = api.send(text="a" * 161).json()["umid"]
    price = api.get(f"/messages/{umid}").json()["price"]
    ((country,), *_) = [one["outbound"]["countries"] for one in listed(api, "?country=SG")]
    assert country["operators"][0]["price"] == {"amount": price["perSms"], "currency": price["currency"]}


def test_the_filters(api: Any) -> None:
    assert len(listed(api)[0]["outbound"]["countries"]) > 10
    assert set(listed(api, "?direction=inbound")[0]) == {"subAccountId", "inbound"}
    assert set(listed(api, "?direction=outbound")[0]) == {"subAccountId", "outbound"}
    network = listed(api, "?mcc=262&mnc=1")[0]["outbound"]["countries"]
    assert [one["alpha2Code"] for one in network] == ["DE"]
    assert listed(api, "?country=ZZ")[0]["outbound"] == {"countries": []}


def test_every_sub_account_has_its_prices_or_the_one_that_is_asked() -> None:
    with Sandbox(more_subaccount_ids=["other"]) as sandbox, httpx.Client(verify=sandbox.ssl_context()) as http:
        for query, names in (("", ["sandbox-account", "other"]), ("?subAccountId=other", ["other"])):
            answer = http.get(
                f"{sandbox.sms_base_url}{path(sandbox, '/prices')}{query}",
                headers={"Authorization": f"Bearer {sandbox.api_key}"},
            )
            assert [one["subAccountId"] for one in answer.json()["subAccounts"]] == names


def test_a_test_sets_prices_and_balance(api: Any) -> None:
    account = api.sandbox.account
    account.currency, account.balance = "SGD", Decimal("-0.5")
    account.outbound = {"ZZ": {"Zed": Decimal("0.0099171"), "Zet": None}}
    account.inbound = {}
    (entry,) = listed(api)
    assert entry["inbound"] == {"countries": []}
    ((country,),) = [entry["outbound"]["countries"]]
    assert country["alpha2Code"] == "ZZ"
    assert [one.get("price") for one in country["operators"]] == [{"amount": 0.0099171, "currency": "SGD"}, None]
    assert api.call("GET", path(api.sandbox, "/balance")).json() == {"balance": -0.5, "currency": "SGD"}
    api.sandbox.reset()
    assert len(listed(api)[0]["outbound"]["countries"]) > 10


def test_a_postpaid_account_has_no_balance(api: Any) -> None:
    api.sandbox.account.balance = None
    answer = api.call("GET", path(api.sandbox, "/balance"))
    assert (answer.status_code, answer.json()["code"]) == (403, 1201)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("?country=SGP", 1009),
        ("?country=", 1009),
        ("?mcc=525", 1000),
        ("?mnc=1", 1000),
        ("?mcc=x&mnc=1", 1000),
        ("?direction=sideways", 1000),
        ("?subAccountId=nobody", 1001),
    ],
)
def test_a_wrong_filter_is_refused(api: Any, query: str, code: int) -> None:
    answer = api.call("GET", path(api.sandbox, f"/prices{query}"))
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_what_the_documents_do_not_know_is_noted(api: Any) -> None:
    api.call("GET", path(api.sandbox, "/prices?contry=SG"))
    api.call("GET", path(api.sandbox, "/balance?country=SG"))
    problems = [(one.operation, one.problem) for one in api.sandbox.violations]
    assert problems == [
        ("sms prices", "an unknown parameter in the query string"),
        ("sms balance", "a query string"),
    ]


@pytest.mark.parametrize(
    ("method", "rest", "status"),
    [
        ("GET", "/accounts/{other}/balance", 400),
        ("GET", "/accounts/{plain}/balance", 200),
        ("POST", "/accounts/{own}/balance", 405),
        ("DELETE", "/accounts/{own}/prices", 405),
        ("GET", "/accounts/{own}/prices/", 404),
        ("GET", "/accounts/{own}", 404),
        ("GET", "/accounts/{own}/messages", 404),
        ("GET", "/subaccounts/{own}/balance", 404),
    ],
)
def test_which_account_and_path(api: Any, method: str, rest: str, status: int) -> None:
    own = api.sandbox.account_id
    filled = rest.format(own=own, plain=own.replace("-", "").upper(), other="0" * 32)
    assert api.call(method, f"/api/v1{filled}").status_code == status


def test_key_limit_and_faults_hold_here_too(api: Any) -> None:
    balance = path(api.sandbox, "/balance")
    assert api.call("GET", balance, headers={"Authorization": "Bearer no"}).status_code == 401
    assert api.call("GET", balance, product="chatapps").status_code == 404
    api.sandbox.faults.on_lookup(api.sandbox.account_id, Fault.server_error())
    assert [api.call("GET", balance).status_code for _ in range(2)] == [500, 200]
    api.sandbox.rate_limit = 1
    assert [api.call("GET", balance).status_code for _ in range(2)] == [200, 429]
