"""ISO 4217: which codes money can be in, and how many decimals each has."""

from decimal import Decimal

import pytest
from marshmallow import ValidationError

from common.shop.currencies import DECIMALS, check_currency, check_decimals, decimals_of


@pytest.mark.parametrize(
    ("code", "decimals"), [("EUR", 2), ("JPY", 0), ("HUF", 2), ("ISK", 0), ("KWD", 3), ("TND", 3), ("CLF", 4)]
)
def test_a_currency_has_the_decimals_that_iso_4217_gives_it(code: str, decimals: int) -> None:
    assert decimals_of(code) == decimals


def test_every_code_is_listed_once() -> None:
    assert len(DECIMALS) == 17 + 139 + 7 + 2  # as List One of 2026-01-01 has them, by number of decimals
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in DECIMALS)


@pytest.mark.parametrize(
    "code", ["XXX", "XTS", "XAU", "XDR", "DEM", "BGN", "HRK", "ZZZ", "eur", "EU", "EURO", "", "EUR ", "\u0415UR"]
)
def test_what_nobody_pays_in_is_no_currency(code: str) -> None:
    with pytest.raises(ValidationError):
        check_currency(code)


@pytest.mark.parametrize(
    ("amount", "code"),
    [("1.250", "KWD"), ("1.25", "EUR"), ("1.2500", "EUR"), ("100", "JPY"), ("1.00", "JPY"), ("0", "EUR")],
)
def test_an_amount_that_can_be_paid_is_taken(amount: str, code: str) -> None:
    check_decimals(Decimal(amount), code)


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("0.005", "EUR"),
        ("1.2505", "KWD"),
        ("0.5", "JPY"),
        ("1.00001", "CLF"),
        ("0.001", "ZZZ"),
        ("20." + "0" * 27 + "1", "EUR"),  # of 30 digits, two more than decimal's context has
    ],
)
def test_one_that_cannot_is_refused_and_not_rounded(amount: str, code: str) -> None:
    with pytest.raises(ValidationError):
        check_decimals(Decimal(amount), code)
