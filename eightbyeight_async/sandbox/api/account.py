"""GET .../accounts/{accountId}/prices and .../balance: the price list and the balance of the account.

- Filters are in the query: country, mcc with mnc, direction, subAccountId. A wrong filter gets HTTP 400.
- `outbound` and `inbound` are objects with `countries`, as in the examples of 8x8's documents.
- A postpaid account has no balance: HTTP 403 with code 1201.
"""

from decimal import Decimal
from urllib.parse import parse_qsl

from eightbyeight_async.sandbox.api.operation_results import JSONObject, Refusal
from eightbyeight_async.sandbox.api.received_call import Operation, ReceivedCall, Step
from eightbyeight_async.sandbox.api.sms_rules import check_country
from eightbyeight_async.sandbox.messages.countries import PLACES, Place

_DIRECTIONS = ("outbound", "inbound")
_HOMES = {place.country: place for place in PLACES}


def prices(call: ReceivedCall) -> Step:
    """GET .../prices"""
    asked = dict(parse_qsl(call.query, keep_blank_values=True))
    country = (check_country(asked.get("country"), 1009) or "").upper()
    network = _network(asked)
    direction = asked.get("direction")
    if direction not in (None, *_DIRECTIONS):
        raise Refusal(1000, "direction is neither outbound nor inbound")
    chosen = asked.get("subAccountId")
    if chosen is not None and chosen not in call.account.subaccount_ids:
        raise Refusal(1001, "the sub-account is not yours")
    lists: JSONObject = {}
    if direction in (None, "outbound"):
        lists["outbound"] = {"countries": _outbound(call, country, network)}
    if direction in (None, "inbound") and network is None:
        lists["inbound"] = {"countries": _inbound(call, country)}
    ids = [name for name in call.account.subaccount_ids if chosen in (None, name)]
    body = {"subAccounts": [{"subAccountId": name, **lists} for name in ids]}
    return Step(commit=lambda: body, looks_up=call.account.id)


def balance(call: ReceivedCall) -> Step:
    """GET .../balance"""
    left = call.account.balance
    if left is None:
        raise Refusal(1201, "the account is not in prepaid mode", status=403)
    body = {"balance": float(left), "currency": call.account.currency}
    return Step(commit=lambda: body, looks_up=call.account.id)


def _network(asked: dict[str, str]) -> tuple[int, int] | None:
    given = [asked[name] for name in ("mcc", "mnc") if name in asked]
    if not given:
        return None
    if len(given) == 1 or not all(code.isascii() and code.isdigit() for code in given):
        raise Refusal(1000, "mcc and mnc are numbers and come in pairs")
    return int(given[0]), int(given[1])


def _outbound(call: ReceivedCall, country: str, network: tuple[int, int] | None) -> list[JSONObject]:
    found = []
    for code, listed in call.account.outbound.items():
        home = _HOMES.get(code, Place(country=code))
        operators = [
            _operator(call, home, name, price)
            for name, price in listed.items()
            if network is None or (name == home.operator and network == (int(home.mcc), int(home.mnc)))
        ]
        if country in ("", code) and operators:
            found.append({**_country(home), "operators": operators})
    return found


def _operator(call: ReceivedCall, home: Place, name: str, price: Decimal | None) -> JSONObject:
    known = name == home.operator
    return {
        "operatorName": name,
        "operatorId": int(f"{home.mcc}{home.mnc:0>3}") if known else 0,
        "hni": [{"mcc": home.mcc, "mnc": home.mnc}] if known else [],
        **({} if price is None else {"price": _amount(call, price)}),
    }


def _inbound(call: ReceivedCall, country: str) -> list[JSONObject]:
    return [
        {
            **_country(_HOMES.get(code, Place(country=code))),
            "numberTypes": [{"type": kind, "defaultPrice": _amount(call, price)} for kind, price in types.items()],
        }
        for code, types in call.account.inbound.items()
        if country in ("", code)
    ]


def _country(home: Place) -> JSONObject:
    prefix = {"dialingPrefix": f"+{home.calling_code}"} if home.calling_code else {}
    return {"alpha2Code": home.country, **prefix}


def _amount(call: ReceivedCall, price: Decimal) -> JSONObject:
    return {"amount": float(price), "currency": call.account.currency}


OPERATIONS: dict[str, Operation] = {"prices": prices, "balance": balance}
