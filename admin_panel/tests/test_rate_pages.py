"""Setting a rate with a look at what clients will see, and deciding on what the feeds hold."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from admin_panel.models import AuditLog
from admin_panel.rate_preview import preview_rate
from admin_panel.services.actors import Actor
from admin_panel.services.rates import MAY_DECIDE, MAY_SET, operator_rate_set
from exchanger.kernel.money.pairs import Pair
from identity.tests.factories import UserFactory
from web.models import ExchangeRate, HeldRate
from web.tests.factories import ExchangeRateFactory, HeldRateFactory, PublishedConfigurationFactory

pytestmark = pytest.mark.context("admin")
ADD = "/admin/web/exchangerate/add/"
WANTED = {"pair": "usd/uah", "rate": "42.10", "reason": "The market opened."}


def held_page(held, action="change"):
    return f"/admin/web/heldrate/{held.pk}/{action}/"


def messages_of(answer):
    return [str(message) for message in answer.context["messages"]]


def rates():
    found = ExchangeRate.objects.order_by("valid_from").values_list("from_currency", "rate", "valid_until", "set_by")
    return list(found)


def trail():
    return [(log.action, log.outcome) for log in AuditLog.objects.select_related("result").order_by("created_at")]


@pytest.fixture
def the_exchange(everything):
    """All that the web application's database holds; a message to the operator is in their session."""
    return lambda: {name: rows for name, rows in everything().items() if name.startswith("web.")}


@pytest.fixture
def offer():
    PublishedConfigurationFactory()
    ExchangeRateFactory(rate=Decimal("41.50"))


def test_a_rate_is_shown_as_clients_will_see_it_before_it_is_in_force(operator, offer, the_exchange):
    before = the_exchange()
    shown = operator.post(ADD, WANTED)
    assert shown.status_code == 200
    assert "41.29250000" in shown.text
    assert "41.88950000" in shown.text
    assert "Put it into force" in shown.text
    assert the_exchange() == before
    answer = operator.post(ADD, WANTED | {"confirmed": "1"}, follow=True)
    assert messages_of(answer) == ["USD/UAH is 42.10."]
    (_, old, closed, _), (_, new, until, by) = rates()
    assert (old, new, until, by) == (Decimal("41.5"), Decimal("42.1"), None, operator.person.pk)
    assert closed is not None
    entry = AuditLog.objects.get()
    assert (entry.action, entry.resource_type, entry.resource_id) == ("rate.set", "exchange_rate", "USD/UAH")
    assert entry.new_values["reason"] == "The market opened."
    assert Decimal(entry.old_values["rate"]) == Decimal("41.5")


def test_a_rate_is_scheduled(operator, offer):
    day = (timezone.now() + timedelta(days=2)).date().isoformat()
    later = {"valid_from_0": day, "valid_from_1": "09:00:00", "confirmed": "1"}
    answer = operator.post(ADD, WANTED | later, follow=True)
    assert messages_of(answer) == ["USD/UAH is 42.10 from its time on."]
    assert ExchangeRate.objects.get(rate=Decimal("42.1")).valid_from.isoformat() == f"{day}T09:00:00+00:00"
    operator.post(ADD, WANTED | {"rate": "41.9", "confirmed": "1"})
    changes = [(log.old_values["rate"], log.new_values["rate"]) for log in AuditLog.objects.order_by("created_at")]
    assert [tuple(map(Decimal, change)) for change in changes] == [
        (Decimal("41.5"), Decimal("42.1")),
        (Decimal("41.5"), Decimal("41.9")),
    ]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"pair": "USD"}, "Write a pair"),
        ({"pair": "usd/usd"}, "two different currencies"),
        ({"rate": "-1"}, "above zero"),
        ({"rate": "1e99"}, "digits"),
        ({"reason": " "}, "required"),
        ({"valid_until_0": "2001-01-01", "valid_until_1": "00:00"}, "ends after it has begun"),
    ],
)
def test_what_cannot_be_set_is_said_and_changes_nothing(wrong, told, operator, offer, the_exchange):
    before = the_exchange()
    answer = operator.post(ADD, WANTED | wrong | {"confirmed": "1"})
    assert answer.status_code == 200
    assert told in answer.text
    assert the_exchange() == before


def test_who_may_only_look_sets_nothing(operator_with, offer, the_exchange):
    operator = operator_with("web.view_exchangerate")
    before = the_exchange()
    assert operator.post(ADD, WANTED | {"confirmed": "1"}).status_code == 403
    assert the_exchange() == before
    assert trail() == [("access.denied", "denied")]
    assert "Add" not in operator.get("/admin/web/exchangerate/").text


def test_the_service_asks_for_the_permission_too_whatever_page_has_called_it(offer, the_exchange):
    actor = Actor(UserFactory(permissions={"admin": ["web.view_exchangerate"]}).pk)
    before = the_exchange()
    with pytest.raises(PermissionDenied, match=MAY_SET):
        operator_rate_set(actor=actor, pair=Pair("USD", "UAH"), rate=Decimal(50), reason="I say so.")
    assert the_exchange() == before
    assert trail() == [("rate.set", "denied")]


def test_the_history_of_a_rate_is_its_pairs(operator, offer):
    operator.post(ADD, WANTED | {"confirmed": "1"})
    for rate in ExchangeRate.objects.all():
        assert "The market opened." in operator.get(f"/admin/web/exchangerate/{rate.pk}/history/").text


def test_the_preview_tells_of_every_pair_that_follows_and_of_no_other(offer):
    ExchangeRateFactory(from_currency="EUR", rate=Decimal("45"))
    lines = {line.pair.title: line for line in preview_rate(Pair("USD", "UAH"), Decimal("83"))}
    assert set(lines) == {"USD/UAH", "UAH/USD", "EUR/USD"}
    assert lines["USD/UAH"].change_percent == 100
    assert preview_rate(Pair("USD", "UAH"), Decimal("41.5")) == []


def test_a_held_rate_is_accepted_once_with_a_reason(operator_with, offer):
    operator = operator_with("web.view_heldrate", MAY_DECIDE)
    held = HeldRateFactory()
    assert "49.75000000" in operator.get(held_page(held)).text
    answer = operator.post(held_page(held, "accept"), {"reason": "The bank confirmed it."}, follow=True)
    assert "USD/UAH is 50.00." in messages_of(answer)
    assert HeldRate.objects.get().status == "accepted"
    assert [rate for _, rate, until, _ in rates() if until is None] == [Decimal(50)]
    again = operator.post(held_page(held, "reject"), {"reason": "Too late."}, follow=True)
    assert "accepted already" in messages_of(again)[0]
    assert trail() == [("held_rate.accept", "done"), ("held_rate.reject", "failed")]


def test_a_held_rate_is_rejected_and_the_one_in_force_stays(operator, offer):
    held = HeldRateFactory()
    before = rates()
    operator.post(held_page(held, "reject"), {"reason": "A slip of the bank's."})
    assert HeldRate.objects.get().status == "rejected"
    assert rates() == before
    assert trail() == [("held_rate.reject", "done")]


@pytest.mark.parametrize("permissions", [("web.view_heldrate",), ("web.view_heldrate", MAY_SET)])
def test_a_held_rate_is_not_decided_on_without_the_permission(permissions, operator_with, offer, the_exchange):
    operator = operator_with(*permissions)
    held = HeldRateFactory()
    assert "Accept" not in operator.get(held_page(held)).text
    before = the_exchange()
    answer = operator.post(held_page(held, "accept"), {"reason": "I say so."}, follow=True)
    assert MAY_DECIDE in messages_of(answer)[0]
    assert the_exchange() == before
    assert trail() == [("held_rate.accept", "denied")]


def test_a_decision_takes_a_reason(operator, offer, the_exchange):
    held = HeldRateFactory()
    operator.get(held_page(held))
    before = the_exchange()
    answer = operator.post(held_page(held, "accept"), {}, follow=True)
    assert "Say why" in messages_of(answer)[0]
    assert the_exchange() == before
