"""The published configuration: validated, read anew for money, and obeyed by every process within five seconds."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import ProgrammingError, connections

from exchanger.kernel import published
from exchanger.kernel.documents import InvalidDocument
from exchanger.kernel.money.pairs import Pair
from web.configuration import NotConfigured, WebConfiguration, read_configuration, recent_configuration
from web.models import PublishedConfiguration
from web.services.configuration import configuration_publish
from web.tests.factories import DOCUMENT, PublishedConfigurationFactory

pytestmark = pytest.mark.context("web")
USD_UAH = Pair("USD", "UAH")


def test_a_document_is_read_into_types():
    configuration = WebConfiguration.parse(3, DOCUMENT)
    assert configuration.pairs[:2] == (USD_UAH, USD_UAH.inverse)
    assert configuration.spread == Decimal("0.005")
    assert configuration.rate_max_age == timedelta(hours=1)
    assert configuration.limits_of(USD_UAH).maximum == Decimal(10000)
    assert configuration.currencies == {"USD", "UAH", "EUR", "BTC"}


@pytest.mark.parametrize("pair", ["USD/UAH", "usd_uah"])
def test_a_pairs_own_limits_go_before_its_currencys(pair):
    limits = DOCUMENT["limits"] | {pair: {"min": "50", "max": "60"}}
    configuration = WebConfiguration.parse(1, DOCUMENT | {"limits": limits})
    assert configuration.limits_of(USD_UAH).minimum == Decimal(50)
    assert configuration.limits_of(Pair("USD", "EUR")).minimum == Decimal(20)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("pairs", []),
        ("pairs", ["USD/USD"]),
        ("pairs", ["USD/UAH", "usd_uah"]),
        ("pairs", "USD/UAH"),
        ("limits", {}),
        ("limits", {"USD": {"min": "0", "max": "1"}}),
        ("limits", {"USD": {"min": "2", "max": "1"}}),
        ("limits", DOCUMENT["limits"] | {"USD-UAH": {"min": "50", "max": "60"}}),
        ("limits", DOCUMENT["limits"] | {"usd": {"min": "50", "max": "60"}}),
        ("client_daily_limits", {"USD": "100", "usd": "900"}),
        ("pair_daily_limits", {"USD/UAH": "100", "usd_uah": "900"}),
        ("spread", 0.005),
        ("spread", "1"),
        ("spread", "-0.1"),
        ("fee", "NaN"),
        ("rate_max_age_seconds", 0),
        ("quote_life_seconds", "soon"),
        ("maintenance_mode", "perhaps"),
        ("base_currency", "ZZZ"),
        ("max_deviation_percent", None),
        ("feeds", ["nobody"]),
        ("feeds", ["nbu", "nbu"]),
        ("feed_max_age_seconds", -1),
        ("unknown", 1),
    ],
)
def test_a_document_that_cannot_be_obeyed_is_refused_by_key_and_not_published(key, value, as_context):
    with as_context("admin"), pytest.raises(InvalidDocument) as refused:
        configuration_publish(version=1, document=DOCUMENT | {key: value})
    assert key in refused.value.problems
    assert not PublishedConfiguration.objects.exists()


@pytest.mark.parametrize("key", sorted(DOCUMENT))
def test_every_key_is_needed(key):
    with pytest.raises(InvalidDocument) as refused:
        WebConfiguration.parse(1, {name: value for name, value in DOCUMENT.items() if name != key})
    assert list(refused.value.problems) == [key]


@pytest.mark.parametrize("document", [None, [], "x", 1])
def test_what_is_no_document_at_all_is_refused(document):
    with pytest.raises(InvalidDocument):
        WebConfiguration.parse(1, document)


def test_an_operator_publishes_and_the_web_login_cannot(publish, django_assert_num_queries):
    publish()
    publish(spread="0.01")
    with django_assert_num_queries(1, connection=connections["web"]):
        found = read_configuration()
    assert (found.version, found.spread) == (2, Decimal("0.01"))
    with pytest.raises(ProgrammingError, match="permission denied"):
        configuration_publish(version=3, document=DOCUMENT)
    assert read_configuration().version == 2


def test_where_nothing_is_published_or_it_cannot_be_obeyed_the_exchange_is_not_set_up():
    with pytest.raises(NotConfigured):
        read_configuration()
    PublishedConfigurationFactory(changes={"spread": "much"})
    with pytest.raises(NotConfigured):
        read_configuration()


def test_the_copy_is_read_once_in_three_seconds(publish, monkeypatch, django_assert_num_queries):
    clock = 1000.0
    monkeypatch.setattr(published.time, "monotonic", lambda: clock)
    publish()
    with django_assert_num_queries(1, connection=connections["web"]):
        assert {recent_configuration().version for _ in range(5)} == {1}
    with django_assert_num_queries(0, connection=connections["web"]):
        clock += 2.9
        assert recent_configuration().version == 1
    clock += 0.2
    with django_assert_num_queries(1, connection=connections["web"]):
        assert recent_configuration().version == 1


def test_another_processs_publication_is_obeyed_within_five_seconds(publish, world, monkeypatch):
    clock = 1000.0
    monkeypatch.setattr(published.time, "monotonic", lambda: clock)
    publish()
    assert not recent_configuration().maintenance_mode
    document = """UPDATE published_configuration SET version = 2, document = document || '{"maintenance_mode": true}'"""
    world.superuser("web").execute(document)
    assert not recent_configuration().maintenance_mode
    clock += published.MOST_SECONDS
    assert published.MOST_SECONDS < 5
    assert recent_configuration().maintenance_mode
    assert read_configuration().version == 2
