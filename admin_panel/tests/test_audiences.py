"""Whom a broadcast is for: looked at in chunks of a bounded size, over three databases, without gap or repetition."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from admin_panel import audiences
from admin_panel.audiences import Audience, estimate, read_chunk
from admin_panel.tests.broadcasts import linked, many_linked
from exchanger.kernel.money.pairs import Pair
from identity.tests.factories import UserFactory
from web.tests.factories import OrderFactory

pytestmark = pytest.mark.context("admin")
EURO = Pair("EUR", "UAH")


def ordered(person, *, days=0, pair=("USD", "UAH")):
    at = timezone.now() - timedelta(days=days)
    OrderFactory(user_id=person.pk, created_at=at, from_currency=pair[0], to_currency=pair[1])


def belong(audience, size=2):
    """Everybody, a few at a time."""
    found, after = [], None
    while True:
        chunk = read_chunk(audience, at=timezone.now(), size=size, after=after)
        found += [recipient.user_id for recipient in chunk.recipients]
        if chunk.is_last:
            return found
        after = chunk.last


def test_everybody_with_a_linked_account_belongs_once_in_the_order_of_their_ids():
    people = sorted(linked().pk for _ in range(5))
    UserFactory()
    for size in (1, 2, 5, 6):
        assert belong(Audience(), size) == people


def test_conditions_narrow_it_and_all_must_apply():
    anna, boris, clara = linked("uk"), linked("uk"), linked("ru")
    ordered(anna, days=3)
    ordered(boris, days=40, pair=EURO)
    ordered(clara, days=3, pair=EURO)
    ordered(UserFactory())
    assert set(belong(Audience(language="uk"))) == {anna.pk, boris.pk}
    assert set(belong(Audience(days=30))) == {anna.pk, clara.pk}
    assert set(belong(Audience(pair=EURO))) == {boris.pk, clara.pk}
    assert belong(Audience(days=30, pair=EURO)) == [clara.pk]
    assert belong(Audience(language="uk", days=30, pair=EURO)) == []
    assert belong(Audience(days=30, pair=EURO.inverse)) == []


def test_what_is_kept_as_json_is_the_same_audience():
    for audience in (Audience(), Audience("uk", 30, EURO), Audience(pair=EURO)):
        assert Audience.read(audience.stored()) == audience
    assert Audience().stored() == {}
    assert Audience("uk", 30, EURO).told == (
        "Everybody with a linked account, who use Українська and who made an order EUR/UAH in the last 30 days"
    )


def test_a_chunk_is_one_statement_and_one_for_orders_however_many_they_are(statements, world):
    many_linked(world, 60)

    def sent(audience, size):
        return statements(lambda: read_chunk(audience, at=timezone.now(), size=size, after=uuid4()))

    for size in (5, 50):
        plain, narrowed = sent(Audience(), size), sent(Audience("uk", 30, EURO), size)
        assert {alias: len(found) for alias, found in plain.items() if found} == {"identity": 1}
        assert {alias: len(found) for alias, found in narrowed.items() if found} == {"identity": 1, "web": 1}
        assert f"LIMIT {size}" in narrowed["identity"][0]


def test_an_estimate_counts_and_shows_the_first(monkeypatch):
    people = sorted(linked("uk").pk for _ in range(12))
    linked("ru")
    found = estimate(Audience(language="uk"), at=timezone.now())
    assert (found.people, found.is_whole) == (12, True)
    assert [recipient.user_id for recipient in found.sample] == people[:10]


def test_an_estimate_of_very_many_looks_at_the_first_alone(monkeypatch, statements, world):
    monkeypatch.setattr(audiences, "LOOKED_AT", 40)
    monkeypatch.setattr(audiences, "_CHUNK", 20)
    many_linked(world, 100)
    found = []
    sent = statements(lambda: found.append(estimate(Audience(), at=timezone.now())))
    assert (found[0].people, found[0].is_whole) == (40, False)
    assert len(sent["identity"]) == 2
