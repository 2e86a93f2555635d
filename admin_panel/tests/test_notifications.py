"""Notifications in the panel: how far each has come, another try for the dead, and a message to one client."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from admin_panel.deliveries import Delivery, delivery_of, with_delivery
from admin_panel.models import AuditLog
from admin_panel.services.notifications import (
    MAY_RETRY,
    MAY_WRITE,
    NotificationRefused,
    operator_notification_retry,
    operator_notification_write,
)
from admin_panel.services.permissions import ReasonMissing
from admin_panel.tests.broadcasts import WHY, act, actor, linked, messages_of, now, trail
from admin_panel.tests.pages import address
from bot.models import BroadcastStatus, Notification
from bot.services.notification_delivery import STOPPED, UNWANTED
from bot.tests.factories import BroadcastFactory, ConversationFactory, NotificationFactory
from identity.tests.factories import UserFactory

pytestmark = pytest.mark.context("admin")
MAY_SEE = "bot.view_notification"
LIST = "/admin/bot/notification/"
ADD = f"{LIST}add/"
HOUR = timedelta(hours=1)


def dead(**of):
    of = {"dead_at": timezone.now(), "failure": "Forbidden: bot was blocked by the user", "attempts": 3, **of}
    return NotificationFactory(**of)


def of_broadcast(status, **of):
    return NotificationFactory(broadcast=BroadcastFactory(status=status), **of)


STATES = {
    Delivery.WAITING: NotificationFactory,
    Delivery.SENDING: lambda: NotificationFactory(claimed_until=timezone.now() + HOUR, attempts=1),
    Delivery.RETRYING: lambda: NotificationFactory(
        attempts=2, failure="Bad Gateway", next_attempt_at=timezone.now() + HOUR, claimed_until=timezone.now() - HOUR
    ),
    Delivery.PUT_OFF: lambda: NotificationFactory(
        next_attempt_at=timezone.now() + HOUR, put_off_until=timezone.now() + HOUR, attempts=1
    ),
    Delivery.HELD: lambda: of_broadcast(BroadcastStatus.PAUSED),
    Delivery.CALLED_OFF: lambda: of_broadcast(BroadcastStatus.STOPPED),
    Delivery.SENT: lambda: NotificationFactory(sent=True, sent_at=timezone.now()),
    Delivery.DEAD: dead,
}


def shown(page):
    return set(re.findall(rf'href="{LIST}([0-9a-f-]{{36}})/change/', page))


# --- How far they have come


@pytest.mark.parametrize("state", STATES, ids=str)
def test_a_state_is_told_and_is_looked_for_by_the_same_rule(operator, state):
    rows = {delivery: make() for delivery, make in STATES.items()}
    rows |= {
        f"{Delivery.WAITING} too": of_broadcast(BroadcastStatus.RUNNING),
        f"{Delivery.CALLED_OFF} too": dead(failure=STOPPED),
        f"{Delivery.CALLED_OFF} as well": dead(failure=UNWANTED),
    }
    wanted = {row.pk for row in rows.values() if delivery_of(row, timezone.now()) is state}
    assert len(wanted) == {Delivery.WAITING: 2, Delivery.CALLED_OFF: 3}.get(state, 1)
    assert rows[state].pk in wanted
    assert {row.pk for row in with_delivery(Notification.objects.all(), state)} == wanted
    page = operator.get(LIST, {"delivery": state.value})
    assert page.status_code == 200
    assert shown(page.text) == {str(pk) for pk in wanted}


def test_every_notification_is_in_exactly_one_state():
    for make in STATES.values():
        make()
    found = [row.pk for state in Delivery for row in with_delivery(Notification.objects.all(), state)]
    assert sorted(found) == sorted(Notification.objects.values_list("pk", flat=True))


def test_a_page_says_what_went_wrong_and_when_it_is_tried_again(operator):
    again = STATES[Delivery.RETRYING]()
    page = operator.get(address("change", again)).text
    assert f"again at {again.next_attempt_at:%Y-%m-%d %H:%M}, after 2 tries: Bad Gateway" in page
    later = STATES[Delivery.PUT_OFF]()
    assert f"until {later.put_off_until:%Y-%m-%d %H:%M}, the end of their quiet hours" in operator.get(
        address("change", later)
    ).text.replace("&#x27;", "'")
    gone = dead(failure="<b>Forbidden</b>")
    assert "&lt;b&gt;Forbidden&lt;/b&gt;" in operator.get(address("change", gone)).text
    assert UNWANTED in operator.get(address("change", dead(failure=UNWANTED))).text
    assert operator.get(LIST, {"delivery": "nonsense"}).status_code == 200


def test_a_list_of_few_among_many_is_read_on_an_index(operator, world, statements):
    bot = world.superuser("bot")
    bot.execute(
        "INSERT INTO notifications (user_id, message, notification_type, sent, sent_at)"
        " SELECT gen_random_uuid(), 'Hello', 'order.paid', true, now() FROM generate_series(1, 20000)"
    )
    row = dead()
    NotificationFactory()
    bot.execute("ANALYZE notifications")
    operator.get(LIST)
    wanted = {"dead": "idx_notifications_dead", "waiting": "idx_notifications_", "called off": "idx_notifications_dead"}
    for query, index in wanted.items():
        sent = statements(lambda query=query: operator.get(f"{LIST}?delivery={query}"))["bot"]
        assert len(sent) == 2
        for sql in sent:
            plan = "\n".join(line for (line,) in bot.execute(f"EXPLAIN {sql}").fetchall())
            assert index in plan
            assert "Seq Scan on notifications" not in plan
    assert shown(operator.get(f"{LIST}?delivery=dead").text) == {str(row.pk)}


# --- Another try


def retry(by, notification, reason=WHY):
    return operator_notification_retry(actor=by, notification=notification, reason=reason)


def test_a_dead_one_is_tried_again_as_if_it_never_had_been():
    notification, by = dead(next_attempt_at=timezone.now() + HOUR), actor(MAY_RETRY)
    again = retry(by, notification)
    assert (again.dead_at, again.attempts, again.failure) == (None, 0, "")
    assert again.next_attempt_at <= timezone.now()
    assert delivery_of(again, timezone.now()) is Delivery.WAITING
    [entry] = AuditLog.objects.select_related("result")
    assert (entry.action, entry.resource_id, entry.outcome) == ("notification.retry", str(notification.pk), "done")
    assert (entry.admin_id, entry.new_values) == (by.admin_id, {"reason": WHY})
    assert entry.old_values == {"failure": "Forbidden: bot was blocked by the user", "attempts": 3}


@pytest.mark.parametrize("state", [state for state in STATES if state is not Delivery.DEAD], ids=str)
def test_only_a_dead_one_is_tried_again(state, everything):
    notification, by = STATES[state](), actor("*")
    before = everything()
    with pytest.raises(NotificationRefused):
        retry(by, notification)
    assert everything() == before
    assert trail() == [("notification.retry", "failed")]


def test_of_two_operators_one_has_it_tried_again():
    notification = dead()
    retry(actor("*"), Notification.objects.get(pk=notification.pk))
    with pytest.raises(NotificationRefused, match="Only a dead"):
        retry(actor("*"), notification)


def test_one_of_a_stopped_broadcast_would_not_be_sent(everything):
    notification, by = dead(broadcast=BroadcastFactory(status=BroadcastStatus.STOPPED)), actor("*")
    before = everything()
    with pytest.raises(NotificationRefused, match="stopped"):
        retry(by, notification)
    assert everything() == before


@pytest.mark.parametrize(
    ("permissions", "reason", "refusal", "ended"),
    [([MAY_SEE, MAY_WRITE], WHY, PermissionDenied, "denied"), (["*"], " ", ReasonMissing, "failed")],
)
def test_the_service_asks_for_the_permission_and_the_reason(permissions, reason, refusal, ended, everything):
    notification, by = dead(), actor(*permissions)
    before = everything()
    with pytest.raises(refusal):
        retry(by, notification, reason)
    assert everything() == before
    assert trail() == [("notification.retry", ended)]


def test_the_page_of_a_dead_one_has_the_button_for_who_may(operator_with):
    notification = dead()
    looker = operator_with(MAY_SEE)
    assert "Try again…" not in looker.get(address("change", notification)).text
    refused = looker.post(act(notification, "retry"), {"reason": WHY}, follow=True)
    assert MAY_RETRY in messages_of(refused)[0]
    assert now(notification).dead_at is not None
    worker = operator_with(MAY_SEE, MAY_RETRY)
    assert "Try again…" in worker.get(address("change", notification)).text
    assert "Try again…" not in worker.get(address("change", NotificationFactory())).text
    told = worker.post(act(notification, "retry"), {"reason": WHY}, follow=True)
    assert messages_of(told) == ["The notification is tried again."]
    assert now(notification).dead_at is None


def chosen(*rows, reason=WHY, **more):
    picked = [str(row.pk) for row in rows]
    return {"action": "retry_selected", "_selected_action": picked, "index": "0", "reason": reason, **more}


def test_the_chosen_rows_of_the_list_are_tried_again_each_by_itself(operator):
    first, second, third, waits = dead(), dead(), dead(), NotificationFactory()
    told = operator.post(LIST, chosen(first, second, waits), follow=True)
    assert messages_of(told) == ["2 are tried again.", "1 of the chosen: Only a dead notification is tried again."]
    assert [now(row).dead_at is None for row in (first, second, third)] == [True, True, False]
    assert sorted(trail()) == [("notification.retry", outcome) for outcome in ("done", "done", "failed")]


def test_a_row_is_chosen_by_its_id_and_by_nothing_else(operator):
    notification = dead()
    sent = chosen(notification)
    sent["_selected_action"].append("nonsense")
    assert operator.post(LIST, sent).status_code == 400
    assert now(notification).dead_at is not None
    assert trail() == []


def test_what_was_not_chosen_is_left_alone_whatever_the_browser_says(operator):
    first, second = dead(), dead()
    operator.post(LIST, chosen(first, select_across="1"))
    assert [now(row).dead_at is None for row in (first, second)] == [True, False]


@pytest.mark.parametrize(("permissions", "reason"), [((MAY_SEE,), WHY), ((MAY_SEE, MAY_RETRY), " ")])
def test_of_the_list_nothing_is_tried_again_without_the_permission_or_a_reason(operator_with, permissions, reason):
    notification = dead()
    operator_with(*permissions).post(LIST, chosen(notification, reason=reason))
    assert now(notification).dead_at is not None
    assert not AuditLog.objects.filter(result__outcome="done").exists()


# --- A message to one client


def write(by, user_id, text="Hello", reason=WHY, notification_id=None):
    return operator_notification_write(
        actor=by, notification_id=notification_id or uuid4(), user_id=user_id, text=text, reason=reason
    )


def test_a_message_waits_for_the_sender_and_is_in_the_trail():
    anna, by = linked(), actor(MAY_WRITE)
    notification = write(by, anna.pk, "Hello Anna")
    row = now(notification)
    assert (row.user_id, row.telegram_user_id, row.message) == (anna.pk, anna.profile.telegram_user_id, "Hello Anna")
    assert (row.notification_type, row.broadcast_id) == ("operator.message", None)
    assert delivery_of(row, timezone.now()) is Delivery.WAITING
    [entry] = AuditLog.objects.select_related("result")
    assert (entry.action, entry.resource_id, entry.outcome) == ("notification.write", str(notification.pk), "done")
    assert entry.new_values == {"user_id": str(anna.pk), "message": "Hello Anna", "reason": WHY}


def test_the_same_message_posted_twice_is_written_once():
    anna, by, notification_id = linked(), actor("*"), uuid4()
    for _ in range(2):
        write(by, anna.pk, notification_id=notification_id)
    assert Notification.objects.count() == 1


@pytest.mark.parametrize(
    ("permissions", "fields", "refusal", "ended"),
    [
        ([MAY_SEE, MAY_RETRY], {}, PermissionDenied, "denied"),
        (["*"], {"reason": ""}, ReasonMissing, "failed"),
        (["*"], {"text": " "}, NotificationRefused, "failed"),
        (["*"], {"text": "a" * 4097}, NotificationRefused, "failed"),
    ],
)
def test_what_is_refused_is_not_written(permissions, fields, refusal, ended, everything):
    anna, by = linked(), actor(*permissions)
    before = everything()
    with pytest.raises(refusal):
        write(by, anna.pk, **fields)
    assert everything() == before
    assert trail() == [("notification.write", ended)]


def test_who_has_linked_nothing_cannot_be_written_to(everything):
    anna, by = UserFactory(), actor("*")
    before = everything()
    with pytest.raises(NotificationRefused, match="linked no Telegram account"):
        write(by, anna.pk)
    assert everything() == before


def filled(page, **fields):
    """The form as the browser has it, with what the operator typed."""
    hidden = re.search(r'name="notification" value="([^"]+)"', page.text)
    return {"notification": hidden[1], "text": "Hello\r\nAnna <b>!</b>", "reason": WHY, **fields}


def test_the_form_shows_the_message_before_it_is_sent(operator, everything, statements):
    anna = linked(email="anna@example.com")
    page = operator.get(f"{ADD}?client={anna.pk}")
    assert str(anna.pk) in page.text
    form = filled(page, client="Anna@example.com")
    before = everything()
    preview = operator.post(ADD, form)
    sent = statements(lambda: operator.post(ADD, form))
    assert (len(sent["identity"]), len(sent["bot"])) == (2, 1)  # who it is and their account; whether they have blocked
    assert "anna@example.com" in preview.text
    assert "Hello\nAnna &lt;b&gt;!&lt;/b&gt;" in preview.text
    assert everything() == before
    told = operator.post(ADD, {**form, "confirmed": "1"}, follow=True)
    assert messages_of(told) == ["The message waits to be sent."]
    operator.post(ADD, {**form, "confirmed": "1"})  # a second click
    [row] = Notification.objects.all()
    assert (row.user_id, row.message) == (anna.pk, "Hello\nAnna <b>!</b>")
    assert address("change", row) in told.redirect_chain[0][0]


def test_the_preview_says_that_the_client_has_blocked_the_bot(operator):
    anna = linked()
    ConversationFactory(telegram_user_id=anna.profile.telegram_user_id, blocked_at=timezone.now())
    preview = operator.post(ADD, filled(operator.get(ADD), client=str(anna.pk)))
    assert "They have blocked the bot" in preview.text


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"client": "nobody@example.com"}, "There is nobody of this address or id."),
        ({"client": str(uuid4())}, "There is nobody of this address or id."),
        ({"client": "nonsense"}, "There is nobody of this address or id."),
        ({"text": "a" * 4097}, "at most 4096 characters"),
        ({"text": " "}, "This field is required."),
        ({"reason": ""}, "This field is required."),
        ({"notification": "nonsense"}, "Enter a valid UUID."),
    ],
)
def test_a_wrong_field_is_said_and_nothing_is_written(operator, fields, told, everything):
    anna = linked()
    form = filled(operator.get(ADD), client=str(anna.pk)) | fields
    before = everything()
    answer = operator.post(ADD, {**form, "confirmed": "1"})
    assert answer.status_code == 200
    assert told in answer.text
    assert everything() == before


def test_the_form_says_that_they_have_linked_nothing(operator, everything):
    form = filled(operator.get(ADD), client=str(UserFactory().pk))
    before = everything()
    for confirmed in ({}, {"confirmed": "1"}):
        answer = operator.post(ADD, form | confirmed)
        assert "They have linked no Telegram account" in answer.text
    assert everything() == before


def test_who_may_not_write_has_no_form(operator_with, everything):
    looker = operator_with(MAY_SEE, MAY_RETRY)
    looker.get(LIST)
    before = everything()
    assert looker.get(ADD).status_code == 403
    assert looker.post(ADD, {"confirmed": "1"}).status_code == 403
    assert everything() == before


def test_the_pages_of_a_client_lead_to_the_form_for_who_may_write(operator_with):
    anna = linked()
    conversation = ConversationFactory(user_id=anna.pk)
    way = f"{ADD}?client={anna.pk}"
    pages = (address("change", anna), address("change", conversation))
    looker = operator_with("identity.view_user", "bot.view_conversation", MAY_SEE)
    assert not any(way in looker.get(page).text for page in pages)
    writer = operator_with("identity.view_user", "bot.view_conversation", MAY_WRITE)
    for page in pages:
        shown = writer.get(page).text
        assert shown.count(way) == len(re.findall(r">\s*Telegram\s*</h2>", shown)) == 1
    assert f"{ADD}?client=" not in writer.get(address("change", ConversationFactory())).text
