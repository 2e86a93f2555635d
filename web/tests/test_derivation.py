"""A pair's rate: its own, else its opposite's inverse, else through the base currency; rounded down once."""

from dataclasses import dataclass
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from exchanger.kernel.money.pairs import Pair
from web.derivation import derive, sources_of

USD_UAH, UAH_USD, EUR_UAH, EUR_USD = Pair("USD", "UAH"), Pair("UAH", "USD"), Pair("EUR", "UAH"), Pair("EUR", "USD")


@dataclass(frozen=True)
class Stored:
    rate: Decimal


def stored(**rates):
    return {Pair.parse(code): Stored(Decimal(rate)) for code, rate in rates.items()}


def test_a_pairs_own_rate_goes_before_all_others():
    derived = derive(EUR_USD, "UAH", stored(eur_usd="1.1", usd_eur="0.5", usd_uah="41.5", eur_uah="48"))
    assert derived.rate == Decimal("1.1")
    assert len(derived.legs) == 1


def test_the_inverse_is_rounded_down():
    assert derive(UAH_USD, "UAH", stored(usd_uah="41.5")).rate == Decimal("0.02409638")  # 0.024096385…


def test_a_cross_goes_through_the_base_currency_and_is_rounded_once():
    rates = stored(usd_uah="41.5", eur_uah="48.13")
    derived = derive(EUR_USD, "UAH", rates)
    assert derived.rate == Decimal("1.15975903")  # 48.13 / 41.5 = 1.159759036…; by the rounded inverse 1.15975876
    assert derived.legs == (rates[EUR_UAH], rates[USD_UAH])


def test_a_cross_of_two_stored_inverses_works_as_well():
    assert derive(EUR_USD, "UAH", stored(uah_usd="0.025", uah_eur="0.02")).rate == Decimal("1.25")


def test_nothing_leads_anywhere_without_the_base_currency():
    assert derive(EUR_USD, "PLN", stored(usd_uah="41.5", eur_uah="48.13")) is None
    assert derive(USD_UAH, "UAH", stored(eur_uah="48")) is None


def test_a_rate_that_the_tables_could_not_keep_is_none():
    assert derive(Pair("UAH", "BTC"), "UAH", stored(btc_uah="999999999")) is None
    assert derive(EUR_USD, "UAH", stored(eur_uah="1000", uah_usd="10000000")) is None


@given(rate=st.decimals(min_value="0.00000001", max_value=9_999_999_999, places=8))
def test_there_and_back_never_gains(rate):
    back = derive(UAH_USD, "UAH", {USD_UAH: Stored(rate)})
    assert back is None or back.rate * rate <= 1


def test_the_sources_are_all_that_could_have_a_part():
    assert set(sources_of(EUR_USD, "UAH")) == {
        EUR_USD, EUR_USD.inverse, EUR_UAH, EUR_UAH.inverse, USD_UAH, UAH_USD,
    }  # fmt: skip
    assert sources_of(USD_UAH, "UAH") == [USD_UAH, UAH_USD]
