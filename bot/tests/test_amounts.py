"""Amounts as people type them are read as what they mean, or refused."""

from decimal import Decimal

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from bot.amounts import Amount, Problem, WrongAmount, parse_amount
from bot.dialogues.wording import amount_hint
from exchanger.kernel.money.currencies import CEILING

MEANT = {
    "100": ("100", None),
    " 100 ": ("100", None),
    "+5": ("5", None),
    "1000.5 usd": ("1000.5", "USD"),
    "1000.5USD": ("1000.5", "USD"),
    "usd 100": ("100", "USD"),
    "Usd100": ("100", "USD"),
    "$100": ("100", "USD"),
    "100€": ("100", "EUR"),
    "100 грн": ("100", "UAH"),
    "100 ГРН": ("100", "UAH"),
    "₴100,5": ("100.5", "UAH"),
    "1 000,50": ("1000.50", None),
    "1\u00a0000,50": ("1000.50", None),
    "1\u202f000\u202f000": ("1000000", None),
    "1'000.50": ("1000.50", None),
    "1,000.50": ("1000.50", None),
    "1.000,50": ("1000.50", None),
    "1,000,000": ("1000000", None),
    "1.000.000,5": ("1000000.5", None),
    "1 000,500": ("1000.500", None),
    "0,125": ("0.125", None),
    "1.0000": ("1", None),
    "1000,500": ("1000.5", None),
    ",5": ("0.5", None),
    "007": ("7", None),
    "0.00000001": ("0.00000001", None),
    "9999999999.99999999": ("9999999999.99999999", None),
    "1234.567 kwd": ("1234.567", "KWD"),
}
REFUSED = {
    "сто": Problem.UNREADABLE,
    "": Problem.UNREADABLE,
    " ": Problem.UNREADABLE,
    "usd": Problem.UNREADABLE,
    "1 00": Problem.UNREADABLE,
    "1,00,000": Problem.UNREADABLE,
    "1,000.000,5": Problem.UNREADABLE,
    "1.5.5": Problem.UNREADABLE,
    "5.": Problem.UNREADABLE,
    "1 000.50 000": Problem.UNREADABLE,
    "100 usd eur": Problem.UNREADABLE,
    "usd 100 usd": Problem.UNREADABLE,
    "--5": Problem.UNREADABLE,
    "1/2": Problem.UNREADABLE,
    "٣٤": Problem.UNREADABLE,
    "1" * 61: Problem.UNREADABLE,
    "1,000": Problem.AMBIGUOUS,
    "1.000": Problem.AMBIGUOUS,
    "100.500 usd": Problem.AMBIGUOUS,
    "-5": Problem.NEGATIVE,
    "−5,5 uah": Problem.NEGATIVE,
    "0": Problem.ZERO,
    "-0": Problem.ZERO,
    "0,000": Problem.ZERO,
    "10000000000": Problem.TOO_LARGE,
    "1 000 000 000 000": Problem.TOO_LARGE,
    "0.123456789": Problem.TOO_PRECISE,
    "5.5 jpy": Problem.TOO_PRECISE,
    "0.005 usd": Problem.TOO_PRECISE,
    "1e5": Problem.UNREADABLE,
    "5 k": Problem.UNREADABLE,
    "100 xxq": Problem.UNKNOWN_CURRENCY,
}


@pytest.mark.parametrize(("typed", "meant"), MEANT.items())
def test_what_means_one_thing_is_read(typed, meant):
    value, code = meant
    assert parse_amount(typed) == Amount(Decimal(value), code)


@pytest.mark.parametrize(("typed", "problem"), REFUSED.items())
def test_what_means_nothing_or_two_things_is_refused(typed, problem):
    with pytest.raises(WrongAmount) as refused:
        parse_amount(typed)
    assert refused.value.problem is problem


@pytest.mark.parametrize("problem", Problem)
@pytest.mark.parametrize("language", ["en", "uk", "ru"])
def test_every_refusal_says_what_to_type(problem, language):
    typed = next(typed for typed, reason in REFUSED.items() if reason is problem and typed.strip())
    with translation.override(language):
        hint = amount_hint(WrongAmount(problem, typed))
    assert len(hint) > 10
    assert "{" not in hint


def test_a_hint_at_an_ambiguous_amount_names_both_in_a_way_that_is_read():
    hint = amount_hint(WrongAmount(Problem.AMBIGUOUS, "usd 1,250"))
    assert hint == "This can mean two amounts. Write 1250 or 1.2500."
    assert parse_amount("1250").value == 1250
    assert parse_amount("1.2500").value == Decimal("1.25")


amounts = st.decimals(min_value=Decimal("0.00000001"), max_value=Decimal("9999999999.99999999"), places=8)


@given(amounts, st.integers(0, 8), st.sampled_from(["", " ", "'", "\u00a0", ",", "."]), st.sampled_from([".", ","]))
def test_however_an_amount_is_written_it_is_read_as_itself_or_refused_and_never_as_another(
    amount, places, group, point
):
    rounded = amount.quantize(Decimal(1).scaleb(-places))
    whole, _, rest = f"{rounded:f}".partition(".")
    if group == point:
        return
    written = f"{int(whole):,}".replace(",", group) + (f"{point}{rest}" if rest else "")
    read = problem = None
    try:
        read = parse_amount(written).value
    except WrongAmount as refused:
        problem = refused.problem
    if problem is Problem.ZERO:
        assert not rounded
    elif problem is Problem.TOO_LARGE:
        assert rounded >= CEILING
    else:
        assert problem is Problem.AMBIGUOUS or read == rounded


@given(st.text(alphabet="0123456789., '-+$usdUSD€грн\u00a0", max_size=20) | st.text(max_size=70))
def test_whatever_is_typed_is_an_amount_above_zero_or_refused(typed):
    amount = hint = None
    try:
        amount = parse_amount(typed)
    except WrongAmount as refused:
        hint = amount_hint(refused)
    assert hint or (0 < amount.value < CEILING and amount.value == amount.value.quantize(Decimal("1e-8")))
