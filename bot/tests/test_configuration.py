"""The bot's configuration: validated, obeyed within five seconds, and never able to break a message."""

import uuid
from datetime import timedelta

import pytest
from django.db import ProgrammingError, connections

from bot.configuration import BotConfiguration, read_configuration, recent_configuration
from bot.declared_texts import LANGUAGES, ORDER_EVENTS, TEXTS, text_problem
from bot.document import default_document
from bot.models import PublishedConfiguration
from bot.services.configuration import configuration_publish
from bot.texts import order_event_text, text_of
from exchanger.kernel import published
from exchanger.kernel.documents import InvalidDocument

pytestmark = pytest.mark.context("telegram")
ORDER = uuid.UUID("0a1b2c3d-0000-4000-8000-000000000000")


def worded(template, *, language="en", key="order.paid"):
    return {"texts": {language: {key: template}}}


# --- Documents


def test_without_a_document_it_is_what_the_code_has():
    configuration = read_configuration()
    assert configuration == BotConfiguration.parse(0, {}) == BotConfiguration.parse(0, default_document())
    assert not configuration.maintenance_mode
    assert configuration.dialogue_timeout == timedelta(minutes=30)
    assert configuration.quote_timeout == timedelta(minutes=2)
    assert configuration.messages_per_second is None
    assert configuration.told_events == set(ORDER_EVENTS)


@pytest.mark.parametrize(
    ("key", "document"),
    [
        ("texts", worded("Order {order} is here.")),
        ("texts", worded("Order {} is here.")),
        ("texts", worded("Order {0} is here.")),
        ("texts", worded("Order {number.__class__} is here.")),
        ("texts", worded("Order {number[0]} is here.")),
        ("texts", worded("Order {number!r} is here.")),
        ("texts", worded("Order {number:>1000000} is here.")),
        ("texts", worded("Order {number is here.")),
        ("texts", worded("Order number} is here.")),
        ("texts", worded("Your order is here.")),
        ("texts", worded("Closed because of {number}.", key="maintenance")),
        ("texts", worded("")),
        ("texts", worded(None)),
        ("texts", worded(["Hello"])),
        ("texts", worded("x" * 1001)),
        ("texts", worded("Hello", key="order.unheard_of")),
        ("texts", worded("Hallo", language="de")),
        ("texts", {"texts": ["Hello"]}),
        ("texts", {"texts": {"en": "Hello"}}),
        ("maintenance_mode", {"maintenance_mode": "perhaps"}),
        ("dialogue_timeout_seconds", {"dialogue_timeout_seconds": 59}),
        ("quote_timeout_seconds", {"quote_timeout_seconds": 3601}),
        ("messages_per_second", {"messages_per_second": 31}),
        ("messages_per_second", {"messages_per_second": 0}),
        ("told_events", {"told_events": ["order.unheard_of"]}),
        ("told_events", {"told_events": ["order.paid", "order.paid"]}),
        ("unknown", {"unknown": 1}),
    ],
)
def test_a_document_that_cannot_be_obeyed_is_refused_by_key_and_not_published(key, document, as_context):
    with as_context("admin"), pytest.raises(InvalidDocument) as refused:
        configuration_publish(version=1, document=document)
    assert key in refused.value.problems
    assert not PublishedConfiguration.objects.exists()


def test_an_operator_publishes_and_the_bots_login_cannot(publish, django_assert_num_queries):
    publish()
    publish(messages_per_second=5)
    with django_assert_num_queries(1, connection=connections["bot"]):
        found = read_configuration()
    assert (found.version, found.messages_per_second) == (2, 5)
    with pytest.raises(ProgrammingError, match="permission denied"):
        configuration_publish(version=3, document={})
    assert read_configuration().version == 2


def test_what_was_written_by_hand_and_cannot_be_obeyed_is_as_if_nothing_were_there(publish, world, caplog):
    publish(messages_per_second=5)
    world.superuser("bot").execute("""UPDATE published_configuration SET document = '{"texts": 7}'""")
    assert read_configuration() == BotConfiguration.parse(0, {})
    assert "cannot be obeyed" in caplog.text


def test_another_processs_publication_is_obeyed_within_five_seconds(publish, world, monkeypatch):
    clock = 1000.0
    monkeypatch.setattr(published.time, "monotonic", lambda: clock)
    publish()
    assert not recent_configuration().maintenance_mode
    world.superuser("bot").execute(
        "UPDATE published_configuration SET version = 2, document = %s::jsonb",
        ('{"maintenance_mode": true, "texts": {"en": {"maintenance": "Back at noon."}}}',),
    )
    assert not recent_configuration().maintenance_mode
    clock += published.MOST_SECONDS
    assert published.MOST_SECONDS < 5
    assert recent_configuration().maintenance_mode
    assert text_of("maintenance", "en") == "Back at noon."


# --- Texts


@pytest.mark.parametrize("key", TEXTS)
def test_every_text_is_there_in_every_language_and_can_be_filled_in(key):
    text = TEXTS[key]
    assert list(text.templates) == list(LANGUAGES)
    said = {language: text_of(key, language, **dict.fromkeys(text.placeholders, "VALUE")) for language in LANGUAGES}
    assert len(set(said.values())) == len(LANGUAGES)
    for language, template in text.templates.items():
        assert text_problem(text, template) == ""
        assert said[language].count("VALUE") == template.count("{")


def test_a_text_is_said_as_operators_have_worded_it_in_that_language_alone(publish):
    publish(**worded("Гроші за {number} тут: {{дякуємо}}.\nДо зустрічі!", language="uk"))
    assert order_event_text("order.paid", ORDER, "uk") == "Гроші за 0A1B2C3D тут: {дякуємо}.\nДо зустрічі!"
    assert order_event_text("order.paid", ORDER, "en") == "Order 0A1B2C3D: your payment is here."
    assert order_event_text("order.paid", ORDER, "de") == "Order 0A1B2C3D: your payment is here."


def test_a_value_is_no_template(publish):
    publish(**worded("See {number}."))
    assert text_of("order.paid", "en", number="{number.__class__}") == "See {number.__class__}."


def test_of_events_that_are_not_told_there_is_no_text(publish):
    publish(told_events=["order.paid"])
    assert order_event_text("order.paid", ORDER, "en") is not None
    assert order_event_text("order.completed", ORDER, "en") is None
    assert order_event_text("order.unheard_of", ORDER, "en") is None
