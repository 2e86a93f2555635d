"""What PostgreSQL itself holds of broadcasts and of the notifications that they become."""

from itertools import product
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError
from django.utils import timezone

from bot.models import Broadcast, BroadcastStatus, Notification
from bot.tests.factories import BroadcastFactory, NotificationFactory
from bot.transitions import BROADCASTS

pytestmark = pytest.mark.context("admin")


@pytest.mark.parametrize(("old", "new"), [pair for pair in product(BroadcastStatus, repeat=2) if pair[0] != pair[1]])
def test_a_broadcast_moves_only_as_declared(old, new):
    broadcast = BroadcastFactory(status=old)
    if new in BROADCASTS[old]:
        Broadcast.objects.filter(pk=broadcast.pk).update(status=new)
    else:
        with pytest.raises(DatabaseError, match=f"cannot go from {old} to {new}"):
            Broadcast.objects.filter(pk=broadcast.pk).update(status=new)
    assert Broadcast.objects.get().status == (new if new in BROADCASTS[old] else old)


def test_a_broadcast_has_one_notification_a_person():
    broadcast, person = BroadcastFactory(), uuid4()
    NotificationFactory(broadcast=broadcast, user_id=person)
    NotificationFactory(user_id=person)  # their own news are apart from it
    with pytest.raises(IntegrityError, match="notifications_once_a_broadcast"):
        NotificationFactory(broadcast=broadcast, user_id=person)
    assert Notification.objects.count() == 2


@pytest.mark.parametrize(
    "wrong", [{"sent": True}, {"sent_at": "now"}, {"sent": True, "sent_at": "now", "dead_at": "now"}]
)
def test_what_is_sent_has_a_time_and_is_not_dead(wrong):
    values = {name: timezone.now() if value == "now" else value for name, value in wrong.items()}
    with pytest.raises(IntegrityError, match="notifications_sent"):
        NotificationFactory(**values)
    assert not Notification.objects.exists()


def test_operators_may_have_a_dead_one_tried_again_and_change_nothing_else():
    NotificationFactory(dead_at=timezone.now(), attempts=8, failure="Telegram did not answer.")
    assert Notification.objects.update(dead_at=None, attempts=0, failure="", next_attempt_at=timezone.now()) == 1
    for change in ({"message": "Something else"}, {"sent": True, "sent_at": timezone.now()}):
        with pytest.raises(DatabaseError, match="permission denied"):
            Notification.objects.update(**change)
    assert Notification.objects.get().message == "Your order is completed."
