"""Currencies: ISO 4217's active codes, each with its number of decimals.

Every code and number is from List One ("Current currency & funds code list") as published on 2026-01-01 by SIX, the
standard's maintenance agency (column "Minor unit"). Codes without a minor unit there are left out, because no payment
is made in them: metals (XAU …), the units of banks and funds (XDR, XSU, XUA, XBA …), XTS for tests and XXX for none.
The few other funds codes (CLF, UYW, USN …) are kept, because they have a number of decimals.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from marshmallow import ValidationError

_CODES_BY_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: """AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW
        CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR
        ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV
        MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD
        SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW
        ZWG""",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
DECIMALS = {code: decimals for decimals, codes in _CODES_BY_DECIMALS.items() for code in codes.split()}
# The most that any source may say an amount is; the currency with the most digits has orders of some 10^9.
MAX_AMOUNT = Decimal(10) ** 12
# Withdrawn since 2023 (List Three, same date), but reports may still cover orders of that time.
WITHDRAWN = frozenset({"ANG", "BGN", "HRK", "SLL", "ZWL"})
# For an unknown code, which older releases accepted: what nearly all currencies have.
OTHER_DECIMALS = 2


def known_currencies(own: str) -> list[str]:
    """Return all currencies of a report: active and withdrawn ones, the shop's own, and '' for no amount."""
    return sorted({"", own, *DECIMALS, *WITHDRAWN})


def decimals_of(code: str) -> int:
    return DECIMALS.get(code, OTHER_DECIMALS)


def decimals_in(amount: Decimal) -> int:
    """Return how many decimals a finite amount has, without zeros at its end.

    Exact for any number of digits; Decimal.normalize would first round to the 28 of its context.
    """
    return len(format(amount, "f").partition(".")[2].rstrip("0"))


def rounded(amount: Decimal, code: str) -> Decimal:
    """Round half up to the currency's decimals, for an amount that a browser has computed."""
    return amount.quantize(Decimal(1).scaleb(-decimals_of(code)), ROUND_HALF_UP)


def check_currency(code: str) -> None:
    """Raise ValidationError unless the code is an active one of ISO 4217."""
    if code not in DECIMALS:
        raise ValidationError("An active ISO 4217 code such as EUR.")


def check_decimals(amount: Decimal, code: str) -> None:
    """Raise ValidationError for an amount with more decimals than the currency has: it is never rounded."""
    if decimals_in(amount) > (most := decimals_of(code)):
        raise ValidationError(f"{code} has {most} decimals." if most else f"{code} has no decimals.")
