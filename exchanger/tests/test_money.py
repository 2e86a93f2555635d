"""Currencies, pairs, rounding, and what a serializer takes for an amount."""

from decimal import Decimal

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError

from exchanger.kernel.money.currencies import UnknownCurrency, currency, recorded_currency
from exchanger.kernel.money.fields import CurrencyField, DecimalField, PairField
from exchanger.kernel.money.pairs import Pair, WrongPair
from exchanger.kernel.money.rounding import round_paid, round_rate, round_received
from exchanger.testing.configuration import settings_of

AMOUNTS = st.decimals(min_value=0, max_value=10**10, places=8, allow_nan=False)


@pytest.mark.parametrize(
    ("code", "places"), [("USD", 2), ("uah", 2), ("JPY", 0), ("KWD", 3), ("BTC", 8), ("usdt", 6), ("ETH", 8)]
)
def test_iso_and_configured_currencies_have_their_minor_units(code, places):
    found = currency(code)
    assert (found.code, found.places) == (code.upper(), places)
    assert found.unit == Decimal(1).scaleb(-places)


@pytest.mark.parametrize("code", ["XXX", "XAU", "ZZZ", "", "US", "DOGE", "U$D", "USD\n"])
def test_a_code_that_nobody_is_paid_in_is_unknown(code):
    with pytest.raises(UnknownCurrency, match="is not the code of a currency"):
        currency(code)


def test_crypto_currencies_are_the_settings():
    with override_settings(CRYPTO_CURRENCIES={"DOGE": 4}):
        assert currency("doge").places == 4
        assert currency("doge").crypto
        with pytest.raises(UnknownCurrency):
            currency("BTC")


def test_a_row_keeps_all_its_decimals_when_its_currency_is_given_up():
    assert recorded_currency("USD") == currency("USD")
    gone = recorded_currency("XQQ")
    assert (gone.text(Decimal("1.5")), gone.crypto) == ("1.50000000", True)


@pytest.mark.parametrize("entry", ["BTC", "btc:8", "BTC:9", "BTC:-1", "BTC:x", "B:2"])
def test_a_wrong_entry_of_the_environment_is_named(entry):
    from exchanger.environment import WrongEnvironment

    with pytest.raises(WrongEnvironment, match="CRYPTO_CURRENCIES"):
        settings_of({"CRYPTO_CURRENCIES": f"ETH:8,{entry}"})


@given(amount=AMOUNTS, code=st.sampled_from(["USD", "JPY", "KWD", "BTC", "USDT"]))
def test_rounding_is_the_houses_and_by_less_than_one_unit(amount, code):
    money = currency(code)
    paid, received = round_paid(amount, money), round_received(amount, money)
    assert received <= amount <= paid
    assert paid - received in {0, money.unit}
    assert (paid == received) == money.is_whole(amount)


def test_a_rate_is_rounded_down_to_eight_decimals():
    assert round_rate(Decimal("0.0240963855421")) == Decimal("0.02409638")
    assert round_rate(Decimal("0.000000009")) == 0


def test_an_amount_is_written_with_its_minor_units_decimals():
    assert currency("USD").text(Decimal("100.00000000")) == "100.00"
    assert currency("JPY").text(Decimal("100.00000000")) == "100"


@pytest.mark.parametrize("text", ["usd_uah", "USD/UAH", "Usd_Uah"])
def test_a_pair_is_read_in_either_form(text):
    pair = Pair.parse(text)
    assert (pair.code, pair.title, pair.inverse.code) == ("usd_uah", "USD/UAH", "uah_usd")


@pytest.mark.parametrize("text", ["usd", "usd_", "usd_usd", "usd_zzz", "usd-uah", "usd_uah_eur", "", "usd_uah\n"])
def test_what_is_no_pair_is_refused_with_what_to_write(text):
    with pytest.raises(WrongPair, match=r"such as"):
        Pair.parse(text)


@pytest.mark.parametrize("text", ["0", "1", "100.50", "0.00000001", "9999999999.99999999", "007.1"])
def test_an_amount_is_a_plain_decimal_string(text):
    assert DecimalField().run_validation(text) == Decimal(text)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (100, "type"),
        (1.5, "type"),
        (True, "type"),
        ([], "type"),
        ("NaN", "format"),
        ("Infinity", "format"),
        ("1e5", "format"),
        ("1E+5", "format"),
        ("", "format"),
        (" 1", "format"),
        ("1_000", "format"),
        ("1,5", "format"),
        (".5", "format"),
        ("5.", "format"),
        ("+5", "format"),
        ("٣", "format"),
        ("1\n", "format"),
        ("9" * 31, "format"),
        ("-1", "negative"),
        ("-0", "negative"),
        ("0.000000001", "too_precise"),
        ("10000000000", "too_large"),
        (None, "null"),
    ],
)
def test_everything_else_is_refused_by_name(data, code):
    with pytest.raises(ValidationError) as refused:
        DecimalField().run_validation(data)
    assert refused.value.get_codes() == [code]


@pytest.mark.parametrize("field", [CurrencyField(), PairField()])
@pytest.mark.parametrize("data", [1, None, "zzz", "zzz_usd", {}, "🙂"])
def test_an_unknown_code_is_a_validation_error(field, data):
    with pytest.raises(ValidationError):
        field.run_validation(data)


def test_codes_come_out_in_one_case():
    assert CurrencyField().run_validation("usd") == "USD"
    assert PairField().run_validation("usd/UAH") == Pair("USD", "UAH")
