"""People switch kinds of notifications off and on in the chat; what they do not want is never sent, and says why."""

import pytest

from bot.declared_texts import ORDER_EVENTS
from bot.models import BroadcastStatus, Notification, NotificationPreferences
from bot.notification_kinds import ALWAYS, KIND_OF, Kind
from bot.services.notification_delivery import UNWANTED, notifications_claim
from bot.services.notification_preferences import notification_kind_set
from bot.services.rate_alerts import NOTIFICATION_TYPE
from bot.tests.factories import BroadcastFactory, ConversationFactory, NotificationFactory
from bot.tests.sending import ended, sender
from bot.tests.updates import CHAT, buttons, link, message, press, tell, texts
from exchanger.sandbox.telegram.server import serving
from exchanger.testing.waiting import until

pytestmark = pytest.mark.context("telegram")

SWITCHABLE = [
    ("order.completed", Kind.ORDERS),
    ("payment.failed", Kind.PAYMENTS),
    ("refund.succeeded", Kind.REFUNDS),
    ("rate.alert", Kind.ALERTS),
]


@pytest.fixture
def anna():
    return link(ConversationFactory(telegram_user_id=CHAT))


def notify(user, notification_type, **values):
    return NotificationFactory(user_id=user.pk, telegram_user_id=CHAT, notification_type=notification_type, **values)


def obstacles():
    return [claimed.obstacle for claimed in notifications_claim(limit=10)]


def labels(reply):
    """Of the kinds; below them are the quiet hours."""
    *kinds, _ = buttons(reply)
    return [button["text"] for button in kinds]


def pressed(reply, name):
    *_, answer = tell(press(next(button for button in buttons(reply) if name in button["text"])))
    return answer


def test_everything_is_on_and_each_line_switches_one_kind(anna):
    (shown,) = tell(message("/notifications"))
    assert labels(shown) == ["✓ Orders", "✓ Payments", "✓ Refunds", "✓ Rate alerts", "✓ News"]
    assert not NotificationPreferences.objects.exists()
    shown = pressed(shown, "Rate alerts")
    assert (shown.method, labels(shown)[3]) == ("editMessageText", "✗ Rate alerts")
    shown = pressed(shown, "News")
    assert labels(shown) == ["✓ Orders", "✓ Payments", "✓ Refunds", "✗ Rate alerts", "✗ News"]
    assert labels(pressed(shown, "Rate alerts"))[3] == "✓ Rate alerts"
    row = NotificationPreferences.objects.get()
    assert (row.user_id, row.orders, row.alerts, row.broadcasts) == (anna.pk, True, True, False)


@pytest.mark.parametrize(("language", "line"), [("uk", "✓ Заявки"), ("ru", "✓ Возвраты")])
def test_in_the_other_languages(language, line):
    link(ConversationFactory(telegram_user_id=CHAT), language=language)
    (shown,) = tell(message("/notifications"))
    assert line in labels(shown)


def test_strangers_are_asked_to_link_first():
    assert "link your account first" in texts(tell(message("/notifications")))[0]
    assert not NotificationPreferences.objects.exists()


@pytest.mark.parametrize(("notification_type", "kind"), SWITCHABLE)
def test_a_kind_that_is_switched_off_is_called_off_and_no_other(anna, notification_type, kind):
    notification_kind_set(user_id=anna.pk, kind=kind, wanted=False)
    notify(anna, notification_type)
    assert obstacles() == [UNWANTED]


@pytest.mark.parametrize(("notification_type", "kind"), SWITCHABLE)
def test_the_other_kinds_go_on_and_anothers_switches_are_nothing_to_it(anna, notification_type, kind):
    for other in set(Kind) - {kind}:
        notification_kind_set(user_id=anna.pk, kind=other, wanted=False)
    notification_kind_set(user_id=NotificationFactory.build().user_id, kind=kind, wanted=False)
    notify(anna, notification_type)
    assert obstacles() == [""]


@pytest.mark.parametrize("notification_type", [*ALWAYS, "message", "operator.message", ""])
def test_money_that_is_held_up_and_operators_own_words_are_always_told(anna, notification_type):
    for kind in Kind:
        notification_kind_set(user_id=anna.pk, kind=kind, wanted=False)
    notify(anna, notification_type)
    assert obstacles() == [""]


def test_broadcasts_are_news_whatever_their_type(anna):
    broadcast = BroadcastFactory(status=BroadcastStatus.RUNNING)
    notification_kind_set(user_id=anna.pk, kind=Kind.ORDERS, wanted=False)
    notify(anna, "order.news", broadcast=broadcast)
    assert obstacles() == [""]
    Notification.objects.update(claimed_until=None)
    notification_kind_set(user_id=anna.pk, kind=Kind.BROADCASTS, wanted=False)
    assert obstacles() == [UNWANTED]


def test_what_is_called_off_is_not_sent_and_what_comes_after_it_is(anna, settings):
    notification_kind_set(user_id=anna.pk, kind=Kind.ORDERS, wanted=False)
    unwanted = notify(anna, "order.completed", message="not this")
    notify(anna, "payment.held", message="but this")
    with serving() as telegram:
        telegram.join(CHAT)
        settings.TELEGRAM_BOT_TOKEN, settings.TELEGRAM_API_URL = telegram.token, telegram.url
        with sender(telegram):
            until(lambda: ended() == 2)
        assert [call.text for call in telegram.messages] == ["but this"]
    unwanted.refresh_from_db()
    assert (unwanted.sent, unwanted.failure) == (False, UNWANTED)
    assert unwanted.dead_at is not None


def test_everything_that_people_are_told_by_itself_is_of_a_kind():
    types = [*ORDER_EVENTS, NOTIFICATION_TYPE]
    assert {told.partition(".")[0] for told in types} == set(KIND_OF)
    assert set(ALWAYS) <= set(types)
    columns = {field.name for field in NotificationPreferences._meta.fields} - {"user_id"}
    assert columns == set(Kind)
