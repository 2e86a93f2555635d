"""Versions of the web application's configuration: written in a form, compared, put into force, and rolled back."""

import pytest
from django.core.exceptions import PermissionDenied

from admin_panel.models import AuditLog, Configuration
from admin_panel.panel.document_form import DocumentForm
from admin_panel.services.actors import Actor
from admin_panel.services.configurations import MAY_PUBLISH, MAY_WRITE, operator_configuration_write
from admin_panel.tests.factories import ConfigurationFactory
from bot.declared_texts import ORDER_EVENTS
from bot.models import PublishedConfiguration as BotPublished
from exchanger.kernel.contexts import Context
from identity.tests.factories import UserFactory
from web.document import DocumentSerializer
from web.models import PublishedConfiguration
from web.tests.factories import DOCUMENT, PublishedConfigurationFactory

pytestmark = pytest.mark.context("admin")
LIST = "/admin/admin_panel/configuration/"
ADD = f"{LIST}add/?application=web"
BOT = f"{LIST}add/?application=telegram"


def page(version, action="change"):
    return f"{LIST}{version.pk}/{action}/"


def messages_of(answer):
    return [str(message) for message in answer.context["messages"]]


def trail():
    return [(log.action, log.outcome) for log in AuditLog.objects.select_related("result").order_by("created_at")]


def form_of(operator, address=ADD):
    """What a browser would send back of the form as it is."""
    shown = operator.get(address)
    sent = {"based_on": shown.context["based_on"], "comment": "A test."}
    for field in shown.context["form"]:
        if field.value() not in (None, False):
            sent[field.name] = field.value()
    return sent


@pytest.fixture
def in_force():
    PublishedConfigurationFactory()
    return ConfigurationFactory(version=1, document=DOCUMENT)


def test_the_form_says_the_document_and_takes_it_back_unchanged():
    document = DOCUMENT | {"client_daily_limits": {"USD": "100"}, "maintenance_mode": True}
    shown = DocumentForm(DocumentSerializer, document=document)
    again = DocumentForm(DocumentSerializer, {field.name: field.value() for field in shown if field.value()})
    assert again.is_valid(), again.errors
    assert again.document == document


def test_a_version_is_written_compared_published_and_rolled_back(operator, in_force):
    sent = form_of(operator) | {"spread": "0.01", "limits": "USD | 50 | 900\nUAH | 1000 | 2000\nEUR|1|2\nBTC | 0.1 | 1"}
    written = operator.post(ADD, sent, follow=True)
    assert messages_of(written) == ["web v2 is written. It is not in force until it is published."]
    assert PublishedConfiguration.objects.get().version == 1
    second = Configuration.objects.get(version=2)
    assert second.document == DOCUMENT | {
        "spread": "0.01",
        "limits": {
            "USD": {"min": "50", "max": "900"},
            "UAH": {"min": "1000", "max": "2000"},
            "EUR": {"min": "1", "max": "2"},
            "BTC": {"min": "0.1", "max": "1"},
        },
    }
    lines = {key: (before, after) for key, before, after, differs in written.context["lines"] if differs}
    assert lines["spread"] == ("0.005", "0.01")
    assert lines["limits.USD.max"] == ("10000", "900")
    assert "limits.BTC.max" not in lines
    published = operator.post(page(second, "publish"), {"reason": "Agreed on."}, follow=True)
    assert messages_of(published) == ["web v2 is in force; every process obeys it within five seconds."]
    now = PublishedConfiguration.objects.get()
    assert (now.version, now.document) == (2, second.document)
    operator.post(page(in_force, "publish"), {"reason": "It was wrong."})
    now = PublishedConfiguration.objects.get()
    assert (now.version, now.document) == (1, DOCUMENT)
    assert trail() == [("configuration.write", "done")] + [("configuration.publish", "done")] * 2
    assert {log.resource_id for log in AuditLog.objects.all()} == {"web"}


def test_the_bots_is_written_compared_published_and_rolled_back(operator):
    sent = form_of(operator, BOT)
    assert sent["based_on"] == 0
    assert sent["told_events"].split() == sorted(ORDER_EVENTS)
    first = sent | {"texts": "en | order.paid | {number} | paid.\\nThank you.", "told_events": "order.paid"}
    written = operator.post(BOT, first, follow=True)
    assert messages_of(written) == ["telegram v1 is written. It is not in force until it is published."]
    version = Configuration.objects.get()
    assert version.document["texts"] == {"en": {"order.paid": "{number} | paid.\nThank you."}}
    assert version.document["told_events"] == ["order.paid"]
    assert not BotPublished.objects.exists()
    published = operator.post(page(version, "publish"), {"reason": "Agreed on."}, follow=True)
    assert messages_of(published) == ["telegram v1 is in force; every process obeys it within five seconds."]
    assert BotPublished.objects.get().document == version.document
    again = form_of(operator, BOT)
    assert again["texts"] == "en | order.paid | {number} | paid.\\nThank you."
    compared = operator.post(BOT, again | {"texts": "", "told_events": "", "maintenance_mode": "on"}, follow=True)
    lines = {key: (before, after) for key, before, after, differs in compared.context["lines"] if differs}
    assert lines == {
        "texts.en.order.paid": ("{number} | paid.\nThank you.", None),
        "told_events": ("order.paid", ""),
        "maintenance_mode": (False, True),
    }
    operator.post(page(Configuration.objects.get(version=2), "publish"), {"reason": "Work."})
    assert BotPublished.objects.get().document["maintenance_mode"] is True
    operator.post(page(version, "publish"), {"reason": "Done."})
    assert BotPublished.objects.get().document == version.document
    assert not PublishedConfiguration.objects.exists()
    assert trail() == [
        ("configuration.write", "done"),
        ("configuration.publish", "done"),
        ("configuration.write", "done"),
        *[("configuration.publish", "done")] * 2,
    ]
    assert {log.resource_id for log in AuditLog.objects.all()} == {"telegram"}
    assert operator.get(page(version, "history")).text.count("configuration.publish") == 3


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"texts": "en | order.paid"}, "has 2 columns, not 3"),
        ({"texts": "en | order.paid | {number}\nen | order.paid | {number}"}, "stands here twice"),
        ({"texts": "en | order.paid | {name}"}, "en: order.paid: There is no placeholder {name}"),
        ({"messages_per_second": "100"}, "less than or equal to 30"),
    ],
)
def test_what_the_bot_cannot_obey_is_not_written(wrong, told, operator):
    assert told in operator.post(BOT, form_of(operator, BOT) | wrong).text.replace("&#x27;", "'")
    assert not Configuration.objects.exists()


def test_whose_configuration_it_is_is_asked_first(operator):
    for address in (f"{LIST}add/", f"{LIST}add/?application=bank", f"{LIST}add/?from=nonsense"):
        shown = operator.get(address).text
        assert "?application=web" in shown
        assert "?application=telegram" in shown


def test_a_new_version_may_begin_from_an_older_one(operator, in_force):
    older = ConfigurationFactory(version=2, document=DOCUMENT | {"fee": "0.009"})
    assert form_of(operator, f"{LIST}add/?from={older.pk}")["fee"] == "0.009"
    assert form_of(operator)["fee"] == DOCUMENT["fee"]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"spread": "2"}, "A share is below 1"),
        ({"spread": ""}, "required"),
        ({"pairs": ""}, "empty"),
        ({"pairs": "USD/UAH\nUSD"}, "Write a pair"),
        ({"limits": "USD | 5"}, "has 2 columns, not 3"),
        ({"limits": "USD | 5 | 9\nUSD | 5 | 9"}, "stands here twice"),
        ({"limits": "USD | 9 | 5"}, "USD: non_field_errors: The minimum"),
        ({"client_daily_limits": "DOLLARS | 5"}, "is not the code of a currency"),
        ({"feeds": "other"}, "not a valid choice"),
        ({"quote_life_seconds": "1"}, "greater than or equal to 10"),
        ({"comment": ""}, "Say why"),
    ],
)
def test_what_cannot_be_obeyed_is_said_beside_its_field_and_not_written(wrong, told, operator, in_force):
    answer = operator.post(ADD, form_of(operator) | wrong)
    assert answer.status_code == 200
    assert told in answer.text.replace("&#x27;", "'")
    assert Configuration.objects.count() == 1


def test_of_two_who_write_at_once_the_second_is_told(operator, in_force):
    sent = form_of(operator)
    operator.post(ADD, sent)
    answer = operator.post(ADD, sent | {"fee": "0.1"})
    assert "newer version meanwhile" in answer.text
    assert list(Configuration.objects.order_by("version").values_list("version", flat=True)) == [1, 2]
    assert trail() == [("configuration.write", "done"), ("configuration.write", "failed")]


@pytest.mark.parametrize("based_on", ["", "x", "-1", "7", "99999999999999999999"])
def test_a_form_that_was_bent_is_refused(based_on, operator, in_force):
    assert "newer version" in operator.post(ADD, form_of(operator) | {"based_on": based_on}).text
    assert Configuration.objects.count() == 1


def test_who_may_only_look_writes_and_publishes_nothing(operator_with, in_force):
    operator = operator_with("admin_panel.view_configuration")
    other = ConfigurationFactory(version=2, document=DOCUMENT)
    assert operator.get(ADD).status_code == 403
    assert operator.post(ADD, {}).status_code == 403
    assert "into force" not in operator.get(page(other)).text
    refused = operator.post(page(other, "publish"), {"reason": "I say so."}, follow=True)
    assert MAY_PUBLISH in messages_of(refused)[0]
    assert PublishedConfiguration.objects.get().version == 1
    assert trail()[-1] == ("configuration.publish", "denied")


def test_the_service_asks_for_the_permission_too_whatever_page_has_called_it(in_force):
    actor = Actor(UserFactory(permissions={"admin": ["admin_panel.view_configuration"]}).pk)
    with pytest.raises(PermissionDenied, match=MAY_WRITE):
        operator_configuration_write(
            actor=actor, context=Context.WEB, document=DOCUMENT, comment="I say so.", based_on=1
        )
    assert Configuration.objects.count() == 1
    assert trail() == [("configuration.write", "denied")]


def test_who_writes_does_not_publish(operator_with, in_force):
    operator = operator_with("admin_panel.view_configuration", MAY_WRITE)
    operator.post(ADD, form_of(operator))
    operator.post(page(Configuration.objects.get(version=2), "publish"), {"reason": "I say so."})
    assert PublishedConfiguration.objects.get().version == 1


def test_a_version_of_another_schema_is_compared_all_the_same(operator, in_force):
    other = {"spread": {"USD": "0.5"}, "limits": "none", "fee": None}
    shown = operator.get(page(ConfigurationFactory(version=2, document=other)))
    lines = {key: (before, after) for key, before, after, _ in shown.context["lines"]}
    assert (lines["spread"], lines["fee"]) == (("0.005", {"USD": "0.5"}), (DOCUMENT["fee"], None))
    assert lines["limits"] == (DOCUMENT["limits"], "none")


def test_a_version_that_can_no_longer_be_obeyed_is_not_put_into_force(operator, in_force):
    old = ConfigurationFactory(version=2, document={"spread": "0.5"})
    answer = operator.post(page(old, "publish"), {"reason": "Once it was right."}, follow=True)
    assert "needs changes" in messages_of(answer)[0]
    assert PublishedConfiguration.objects.get().version == 1
    assert trail() == [("configuration.publish", "failed")]
