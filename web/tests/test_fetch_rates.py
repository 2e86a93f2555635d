"""From what banks publish to rates in force: applied, confirmed, held, overridden; and who is asked after whom."""

import io
import json
import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.utils import timezone

from exchanger.kernel.money.pairs import Pair
from web.cache import WebCache
from web.models import ExchangeRate, HeldRate
from web.services.feeds import Offer, Outcome, rate_offer, rates_fetch
from web.services.held_rates import held_rate_reject
from web.services.rates import rate_set
from web.tests.bank import RECORDED, bank, body
from web.tests.factories import ExchangeRateFactory

pytestmark = pytest.mark.context("web")
USD_UAH, UAH_USD = Pair("USD", "UAH"), Pair("UAH", "USD")
DAY = timedelta(days=1)
DOWN = body(b"", status=404)


def nbu(*, day=None, **rates):
    """The recorded answer, as of today, with some rates changed; a rate of None leaves the currency out."""
    entries = json.loads((RECORDED / "nbu.json").read_bytes())
    day = day or timezone.now().date()
    changed = []
    for entry in entries:
        rate = rates.get(entry["cc"], entry["rate"])
        if rate is not None:
            changed.append(entry | {"rate": rate, "exchangedate": f"{day:%d.%m.%Y}"})
    return body(json.dumps(changed).encode())


def ecb(day=None):
    text = (RECORDED / "ecb.xml").read_text()
    return body(text.replace("2026-11-20", f"{day or timezone.now().date()}").encode(), "text/xml")


@pytest.fixture
def banks():
    """``banks(nbu(), ecb())``: what the two answer from now on."""
    with bank() as server:

        def answer(of_nbu=DOWN, of_ecb=DOWN):
            server.url("/nbu", of_nbu)
            server.url("/ecb", of_ecb)
            server.asked.clear()
            return server.asked

        urls = {name: server.url(f"/{name}", DOWN) for name in ("nbu", "ecb")}
        with override_settings(FEED_URLS=urls):
            yield answer


def in_force():
    return {rate.pair.title: (rate.rate, rate.source) for rate in ExchangeRate.objects.filter(valid_until=None)}


def outcomes(report):
    return {offer.pair.title: outcome for offer, outcome in report.offers}


def offer(rate, pair=USD_UAH, source="nbu"):
    return Offer(pair, Decimal(rate), source, timezone.now().date())


# --- Who is asked, and for what --------------------------------------------------------------------------------------


def test_the_currencies_on_offer_get_the_first_providers_rates_and_no_other_is_asked(publish, banks):
    publish()
    asked = banks(nbu(), ecb())
    report = rates_fetch()
    assert in_force() == {"EUR/UAH": (Decimal("48.7432"), "nbu"), "USD/UAH": (Decimal("42.1873"), "nbu")}
    assert set(outcomes(report).values()) == {Outcome.APPLIED}
    assert (report.failures, report.missing) == ([], [])
    assert asked == ["/nbu"]


def test_when_the_first_fails_the_next_is_asked(publish, banks):
    publish(base_currency="EUR", pairs=["USD/EUR", "EUR/USD", "EUR/PLN"])
    asked = banks(DOWN, ecb())
    report = rates_fetch()
    assert in_force() == {"EUR/USD": (Decimal("1.1554"), "ecb"), "EUR/PLN": (Decimal("4.2379"), "ecb")}
    assert report.failures == [("nbu", "status 404")]
    assert asked == ["/nbu", "/ecb"]


def test_what_the_first_leaves_out_is_asked_of_the_next(publish, banks):
    publish(base_currency="EUR", pairs=["USD/EUR", "EUR/PLN"])
    banks(nbu(PLN=None), ecb())
    rates_fetch()
    assert in_force() == {
        "EUR/USD": (Decimal("1.15539984"), "nbu"),  # 48.7432 / 42.1873, through the bank's own hryvnia
        "EUR/PLN": (Decimal("4.2379"), "ecb"),
    }


def test_a_pair_stays_in_the_direction_in_which_it_is_stored(publish, banks):
    publish(base_currency="EUR", pairs=["USD/EUR"], feeds=["nbu"])
    ExchangeRateFactory(to_currency="EUR", rate=Decimal("0.87"), source="ecb")
    banks(nbu())
    assert outcomes(rates_fetch()) == {"USD/EUR": Outcome.APPLIED}
    assert in_force() == {"USD/EUR": (Decimal("0.86550123"), "nbu")}


@pytest.mark.parametrize("days", [-30, 30])
def test_rates_of_a_far_away_day_are_refused(publish, banks, days):
    publish(feeds=["nbu"])
    banks(nbu(day=timezone.now().date() + days * DAY))
    report = rates_fetch()
    assert [name for name, _ in report.failures] == ["nbu"]
    assert report.missing == ["EUR", "USD"]
    assert in_force() == {}


def test_a_broken_answer_changes_nothing(publish, banks):
    publish(feeds=["nbu"])
    ExchangeRateFactory(source="nbu", rate=42)
    banks(nbu(USD=-1))
    assert rates_fetch().failures == [("nbu", "the rate of USD is -1")]
    assert in_force() == {"USD/UAH": (42, "nbu")}


def test_a_provider_can_be_asked_that_is_not_configured(publish, banks):
    publish(feeds=[])
    asked = banks(nbu())
    assert rates_fetch().offers == []
    assert asked == []
    assert len(rates_fetch(provider="nbu").offers) == 2


# --- What becomes of a rate ------------------------------------------------------------------------------------------


def test_a_rate_that_has_not_changed_is_confirmed_and_no_row_is_added(publish):
    configuration, old = publish(), timezone.now() - DAY
    before = ExchangeRateFactory(rate=42, valid_from=old, confirmed_at=old, source="nbu")
    WebCache().get_rate(USD_UAH)
    assert rate_offer(offer=offer("42.00"), configuration=configuration) is Outcome.CONFIRMED
    [after] = ExchangeRate.objects.all()
    assert (after.pk, after.valid_from, after.valid_until) == (before.pk, old, None)
    assert after.confirmed_at > old
    assert WebCache().get_rate(USD_UAH)["confirmed_at"] == after.confirmed_at


@pytest.mark.parametrize(("rate", "held"), [("43.05", False), ("43.06", True), ("38.95", False), ("38.94", True)])
def test_a_jump_beyond_the_configured_deviation_is_held_and_not_applied(publish, rate, held):
    configuration = publish()
    ExchangeRateFactory(rate=41, source="nbu")
    outcome = rate_offer(offer=offer(rate), configuration=configuration)
    assert outcome is (Outcome.HELD if held else Outcome.APPLIED)
    assert in_force() == {"USD/UAH": (41 if held else Decimal(rate), "nbu")}
    assert HeldRate.objects.count() == held


def test_a_held_rate_says_what_it_was_compared_with_and_is_held_once(publish):
    configuration = publish()
    ExchangeRateFactory(rate=40, source="nbu")
    for _ in range(3):
        assert rate_offer(offer=offer("50"), configuration=configuration) is Outcome.HELD
    held = HeldRate.objects.get()
    assert (held.rate, held.rate_in_force, held.deviation_percent) == (50, 40, 25)
    assert (held.reason, held.status, held.published_for) == ("deviation", "pending", timezone.now().date())


def test_a_jump_after_a_time_without_a_rate_is_held_too(publish):
    configuration, now = publish(), timezone.now()
    ExchangeRateFactory(rate=40, source="nbu", valid_from=now - 2 * DAY, valid_until=now - DAY)
    assert rate_offer(offer=offer("50"), configuration=configuration) is Outcome.HELD
    assert rate_offer(offer=offer("41"), configuration=configuration) is Outcome.APPLIED


def test_what_the_provider_says_next_supersedes_what_is_held(publish):
    configuration = publish()
    ExchangeRateFactory(rate=40, source="nbu")
    for rate in ("50", "51", "40.5"):
        rate_offer(offer=offer(rate), configuration=configuration)
    assert list(HeldRate.objects.order_by("rate").values_list("rate", "status")) == [
        (50, "superseded"),
        (51, "superseded"),
    ]
    assert in_force() == {"USD/UAH": (Decimal("40.5"), "nbu")}


def test_a_rejected_rate_is_not_held_again_but_another_is(publish, as_context):
    configuration = publish()
    ExchangeRateFactory(rate=40, source="nbu")
    rate_offer(offer=offer("50"), configuration=configuration)
    with as_context("admin"):
        held_rate_reject(held_id=HeldRate.objects.get().pk, decided_by=uuid.uuid4())
    assert rate_offer(offer=offer("50"), configuration=configuration) is Outcome.REJECTED
    assert HeldRate.objects.count() == 1
    assert rate_offer(offer=offer("50.1"), configuration=configuration) is Outcome.HELD


def test_a_rate_with_which_a_round_trip_would_gain_is_held(publish):
    configuration = publish()
    ExchangeRateFactory(rate=41, source="nbu")
    rate_set(pair=UAH_USD, rate=Decimal("0.024"))
    assert rate_offer(offer=offer("42"), configuration=configuration) is Outcome.HELD
    assert HeldRate.objects.get().reason == "round_trip"
    assert in_force()["USD/UAH"] == (41, "nbu")


def test_a_rate_set_by_hand_is_not_replaced(publish):
    configuration = publish()
    rate_set(pair=USD_UAH, rate=Decimal(40))
    assert rate_offer(offer=offer("40.1"), configuration=configuration) is Outcome.OVERRIDDEN
    assert rate_offer(offer=offer("90"), configuration=configuration) is Outcome.OVERRIDDEN
    assert in_force() == {"USD/UAH": (40, "manual")}
    assert not HeldRate.objects.exists()


def test_a_rate_set_by_hand_until_some_time_is_followed_by_the_providers_latest(publish):
    configuration, ends = publish(), timezone.now() + DAY
    rate_set(pair=USD_UAH, rate=Decimal(40), valid_until=ends)
    for rate in ("40.1", "40.2"):
        assert rate_offer(offer=offer(rate), configuration=configuration) is Outcome.SCHEDULED
    found = ExchangeRate.objects.order_by("valid_from").values_list("rate", "valid_until", "source")
    assert list(found) == [(40, ends, "manual"), (Decimal("40.2"), None, "nbu")]


def test_rates_set_by_hand_one_after_the_other_are_left_alone(publish):
    configuration, ends = publish(), timezone.now() + DAY
    rate_set(pair=USD_UAH, rate=Decimal(40), valid_until=ends)
    rate_set(pair=USD_UAH, rate=Decimal(39), valid_from=ends, valid_until=ends + DAY)
    assert rate_offer(offer=offer("40.1"), configuration=configuration) is Outcome.OVERRIDDEN
    assert ExchangeRate.objects.count() == 2


def test_a_provider_does_not_reach_into_a_time_that_is_set_by_hand(publish):
    configuration, starts = publish(), timezone.now() + DAY
    rate_set(pair=USD_UAH, rate=Decimal(40), valid_from=starts)
    assert rate_offer(offer=offer("41"), configuration=configuration) is Outcome.APPLIED
    found = ExchangeRate.objects.order_by("valid_from").values_list("rate", "valid_until")
    assert list(found) == [(41, starts), (40, None)]


# --- The command -----------------------------------------------------------------------------------------------------


def run(*args):
    out, err = io.StringIO(), io.StringIO()
    call_command("fetch_rates", *args, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_the_command_says_what_it_did(publish, banks):
    publish()
    banks(nbu())
    out, err = run()
    assert "USD/UAH          42.18730000  nbu: applied" in out
    assert err == ""


def test_a_dry_run_says_the_same_and_changes_nothing(publish, banks):
    publish()
    ExchangeRateFactory(source="nbu", rate=42)
    ExchangeRateFactory(from_currency="EUR", source="nbu", rate=60)
    banks(nbu())
    before = list(ExchangeRate.objects.order_by("pk").values())
    out, _ = run("--dry-run", "--provider", "nbu")
    assert "nbu: applied" in out
    assert "nbu: held" in out
    assert "nothing was changed" in out
    assert list(ExchangeRate.objects.order_by("pk").values()) == before
    assert not HeldRate.objects.exists()


def test_it_fails_where_no_provider_answers(publish, banks):
    publish()
    banks()
    with pytest.raises(CommandError, match="No provider gave rates"):
        run()


def test_it_says_what_is_missing_to_run(as_context, publish):
    with pytest.raises(CommandError, match="publish a configuration"):
        run()
    for context in ("admin", None):
        with as_context(context), pytest.raises(CommandError, match="EXCHANGER_CONTEXT=web"):
            run()
