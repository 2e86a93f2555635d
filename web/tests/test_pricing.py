"""Prices are consistent figures, and no sequence of exchanges makes money from rounding."""

from dataclasses import dataclass
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from exchanger.kernel.money.currencies import currency
from exchanger.kernel.money.pairs import Pair
from exchanger.kernel.money.rounding import exactly, round_received
from web.derivation import derive
from web.pricing import client_rate, price_given, price_wanted

BASE = "UAH"
CODES = [BASE, "USD", "JPY", "KWD", "BTC", "USDT"]
RATES = st.decimals(min_value="0.00000100", max_value=9_999_999, places=8)
SHARES = st.decimals(min_value=0, max_value="0.2", places=8)


@dataclass(frozen=True)
class Stored:
    rate: Decimal


def amounts(code):
    return st.integers(1, 10**10).map(lambda units: units * currency(code).unit)


@st.composite
def trades(draw):
    source, target = draw(st.sampled_from([(a, b) for a in CODES for b in CODES if a != b]))
    return source, target, draw(st.booleans()), draw(amounts(source)), draw(amounts(target))


@given(draw=trades(), rate=RATES, fee=SHARES)
def test_what_is_received_is_what_is_given_times_the_rate_less_the_fee_rounded_down(draw, rate, fee):
    source, target, wanted, from_amount, to_amount = draw
    given_, received = currency(source), currency(target)
    if wanted:
        price = price_wanted(to_amount, rate=rate, fee_share=fee, given=given_, received=received)
        assert price.to_amount == to_amount
    else:
        price = price_given(from_amount, rate=rate, fee_share=fee, received=received)
        assert price.from_amount == from_amount
    with exactly():
        assert price.to_amount == round_received(price.from_amount * rate - price.fee, received)
        assert price.fee >= (price.to_amount + price.fee) * fee
    assert given_.is_whole(price.from_amount)
    assert received.is_whole(price.to_amount)
    assert received.is_whole(price.fee)


@given(draw=trades(), rate=RATES, fee=SHARES)
def test_an_amount_wanted_costs_the_least_that_brings_it(draw, rate, fee):
    source, target, _, _, wanted = draw
    given_, received = currency(source), currency(target)
    price = price_wanted(wanted, rate=rate, fee_share=fee, given=given_, received=received)
    paid = price_given(price.from_amount, rate=rate, fee_share=fee, received=received)
    less = price_given(price.from_amount - given_.unit, rate=rate, fee_share=fee, received=received)
    assert paid.to_amount >= wanted > less.to_amount


@given(draw=trades(), rate=RATES, fee=SHARES, more=st.integers(1, 1000))
def test_who_gives_more_never_receives_less(draw, rate, fee, more):
    source, target, _, amount, _ = draw
    received = currency(target)
    some = price_given(amount, rate=rate, fee_share=fee, received=received)
    larger = price_given(amount + more * currency(source).unit, rate=rate, fee_share=fee, received=received)
    assert larger.to_amount >= some.to_amount


@settings(max_examples=300)
@given(
    values=st.fixed_dictionaries(dict.fromkeys(CODES[1:], RATES)),
    inverted=st.sets(st.sampled_from(CODES[1:])),
    spread=SHARES,
    fee=SHARES,
    sequence=st.lists(st.tuples(st.sampled_from(CODES), st.booleans(), st.integers(1, 100)), max_size=8),
    units=st.integers(1, 10**12),
)
def test_no_sequence_of_exchanges_gains(values, inverted, spread, fee, sequence, units):
    """Rates are stored against the base currency, in either direction; every pair follows from them."""
    stored = {
        (Pair(BASE, code) if code in inverted else Pair(code, BASE)): Stored(rate) for code, rate in values.items()
    }
    worth = {BASE: Decimal(1)}
    with exactly():
        for code, rate in values.items():
            worth[code] = 1 / rate if code in inverted else rate
        holding, held = BASE, units * currency(BASE).unit
        wealth = held
        for target, exact, percent in sequence:
            derived = None if target == holding else derive(Pair(holding, target), BASE, stored)
            rate = None if derived is None else client_rate(derived.rate, spread)
            if not rate:
                continue
            received = currency(target)
            price = price_given(held, rate=rate, fee_share=fee, received=received)
            part = round_received(price.to_amount * percent / 100, received)
            if exact and part > 0:
                price = price_wanted(part, rate=rate, fee_share=fee, given=currency(holding), received=received)
                assert price.from_amount <= held
            kept = (held - price.from_amount) * worth[holding]
            now = kept + price.to_amount * worth[target]
            assert now <= wealth * (1 + Decimal("1e-50"))  # the worth of an inverse is carried to sixty digits
            wealth, holding, held = price.to_amount * worth[target], target, price.to_amount
