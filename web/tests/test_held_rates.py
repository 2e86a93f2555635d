"""Operators decide, once, about the rates that feeds did not apply; from their own process with their own login."""

import uuid
from decimal import Decimal

import pytest

from web.models import ExchangeRate, HeldRate
from web.services.held_rates import AlreadyDecided, held_rate_accept, held_rate_reject
from web.services.rates import RateRefused
from web.tests.factories import ExchangeRateFactory, HeldRateFactory

pytestmark = pytest.mark.context("admin")
OPERATOR = uuid.uuid4()


def test_an_accepted_rate_is_in_force_at_once_and_names_provider_and_operator():
    old, held = ExchangeRateFactory(source="nbu"), HeldRateFactory()
    placed = held_rate_accept(held_id=held.pk, decided_by=OPERATOR)
    assert (placed.rate, placed.source, placed.set_by) == (Decimal(50), "nbu", OPERATOR)
    old.refresh_from_db()
    assert old.valid_until == placed.valid_from
    held.refresh_from_db()
    assert (held.status, held.decided_by, held.decided_at) == ("accepted", OPERATOR, placed.valid_from)


def test_a_rejected_rate_leaves_the_one_in_force():
    old, held = ExchangeRateFactory(source="nbu"), HeldRateFactory()
    held_rate_reject(held_id=held.pk, decided_by=OPERATOR)
    assert list(ExchangeRate.objects.values_list("pk", "valid_until")) == [(old.pk, None)]
    held.refresh_from_db()
    assert (held.status, held.decided_by) == ("rejected", OPERATOR)


@pytest.mark.parametrize("status", ["accepted", "rejected", "superseded"])
@pytest.mark.parametrize("decide", [held_rate_accept, held_rate_reject])
def test_nothing_is_decided_twice(status, decide):
    held = HeldRateFactory(status=status)
    with pytest.raises(AlreadyDecided) as refused:
        decide(held_id=held.pk, decided_by=OPERATOR)
    assert (refused.value.status, refused.value.code) == (409, "already_decided")
    held.refresh_from_db()
    assert (held.status, held.decided_by) == (status, None)
    assert not ExchangeRate.objects.exists()


def test_a_rate_with_which_a_round_trip_would_gain_stays_pending():
    ExchangeRateFactory(from_currency="UAH", to_currency="USD", rate=Decimal("0.024"))
    held = HeldRateFactory(rate=Decimal(50))
    with pytest.raises(RateRefused):
        held_rate_accept(held_id=held.pk, decided_by=OPERATOR)
    assert HeldRate.objects.get().status == "pending"
    assert ExchangeRate.objects.count() == 1
