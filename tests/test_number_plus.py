"""`require_plus`: a number without `+` and without a country is refused, and the error does not show it."""

from __future__ import annotations

import pytest

from eightbyeight_async import InvalidRequestError, SmsRequest, require_plus


@pytest.mark.parametrize(("number", "country"), [("+6598765432", None), ("98765432", "SG"), ("+6598765432", "SG")])
def test_a_number_that_says_its_country_is_returned(number: str, country: str | None) -> None:
    request = SmsRequest(destination=number, country=country, text="x")
    assert require_plus(request) is request


@pytest.mark.parametrize("number", ["98765432", "6598765432", "1234567", "123456789012345"])
def test_a_number_that_does_not_is_refused(number: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"has no \+ and no `country`") as caught:
        list(map(require_plus, [SmsRequest(destination=number, text="x")]))
    assert caught.value.field == "destination"
    assert number not in str(caught.value)
