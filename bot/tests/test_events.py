"""Events from the web application: signed, taken in once, handled once and in order."""

import threading
import time
import uuid
from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client

from bot.adapter import TelegramAdapter
from bot.declared_texts import ORDER_EVENTS
from bot.models import InboxEvent, Notification
from bot.services import events as services
from bot.services.events import event_receive, order_events_handle
from bot.texts import order_number
from exchanger.kernel.events import PATH, SIGNATURE_HEADER, TIMESTAMP_HEADER, Event, WrongEvent, signed_headers
from identity.tests.factories import UserFactory

pytestmark = pytest.mark.context("telegram")

ORDER = uuid.UUID("0a1b2c3d-0000-4000-8000-000000000000")


def event(sequence=1, event_type="order.paid", **fields):
    values = {
        "id": uuid.uuid4(),
        "order_id": ORDER,
        "sequence": sequence,
        "user_id": None,
        "type": event_type,
        "data": {"amount": "100.00"},
        "occurred_at": datetime(2026, 5, 4, 12, 30, 1, 5, tzinfo=UTC),
    }
    return Event(**{**values, **fields})


def send(body, headers=None, **changed):
    if headers is None:
        headers = signed_headers(body, secret=settings.EVENTS_SECRET)
    return Client().post(PATH, body, "application/json", headers={**headers, **changed})


def handled():
    return list(
        InboxEvent.objects.filter(handled_at__isnull=False).order_by("sequence").values_list("sequence", flat=True)
    )


def jobs(world):
    found = world.superuser("bot").execute("SELECT task_name, lock, args FROM procrastinate_jobs ORDER BY id")
    return found.fetchall()


# --- On the wire


def test_an_event_comes_out_of_its_bytes_as_it_went_in():
    told = event(user_id=uuid.uuid4())
    assert Event.from_bytes(told.to_bytes()) == told
    assert Event.from_bytes(event().to_bytes()).user_id is None


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"null", b"\xff", event().to_bytes().replace(b'"sequence":1', b'"sequence":"1"')]
)
def test_other_bytes_are_no_event(body):
    with pytest.raises(WrongEvent):
        Event.from_bytes(body)
    assert send(body).status_code == 400
    assert InboxEvent.objects.count() == 0


def test_a_signed_event_is_taken_in_with_its_job_and_twice_is_once(world):
    told = event(user_id=uuid.uuid4())
    assert send(told.to_bytes()).json() == {"new": True}
    assert send(told.to_bytes()).json() == {"new": False}
    kept = InboxEvent.objects.get()
    assert (kept.pk, kept.order_id, kept.sequence, kept.user_id) == (told.id, ORDER, 1, told.user_id)
    assert (kept.event_type, kept.event_data, kept.occurred_at) == ("order.paid", told.data, told.occurred_at)
    assert jobs(world) == [("events.handle", f"events.{ORDER}", {"order_id": str(ORDER)})]


def test_the_same_event_at_once_is_taken_in_once(world):
    body, answers, together = event().to_bytes(), [], threading.Barrier(4)

    def once():
        try:
            together.wait()
            answers.append(send(body))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=once) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(answer.json()["new"] for answer in answers) == [False, False, False, True]
    assert InboxEvent.objects.count() == len(jobs(world)) == 1


def test_what_is_not_signed_by_the_secret_is_refused_and_leaves_nothing(world):
    body = event().to_bytes()
    good = signed_headers(body, secret=settings.EVENTS_SECRET)
    for headers in (
        {},
        {TIMESTAMP_HEADER: good[TIMESTAMP_HEADER]},
        {SIGNATURE_HEADER: good[SIGNATURE_HEADER]},
        {**good, SIGNATURE_HEADER: good[SIGNATURE_HEADER][:-1]},
        {**good, SIGNATURE_HEADER: good[SIGNATURE_HEADER].upper() + "é"},
        {**good, TIMESTAMP_HEADER: str(int(good[TIMESTAMP_HEADER]) + 1)},
        {**good, TIMESTAMP_HEADER: "soon"},
        signed_headers(body, secret="another"),
        signed_headers(body + b" ", secret=settings.EVENTS_SECRET),
        signed_headers(body, secret=settings.EVENTS_SECRET, now=time.time() - 62),
        signed_headers(body, secret=settings.EVENTS_SECRET, now=time.time() + 62),
    ):
        answer = send(body, headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "wrong_signature")
    assert InboxEvent.objects.count() == len(jobs(world)) == 0
    assert send(body, signed_headers(body, secret=settings.EVENTS_SECRET, now=time.time() - 50)).status_code == 200


def test_it_is_for_posting_and_no_part_of_the_public_description():
    assert Client().get(PATH).status_code == 405
    assert PATH not in Client().get("/api/schema/").content.decode()


@pytest.mark.parametrize("context", ["web", "admin"])
def test_only_the_telegram_process_takes_events(context, as_context):
    body = event().to_bytes()
    headers = signed_headers(body, secret=settings.EVENTS_SECRET)
    with as_context(context):
        assert send(body, headers).status_code == 404


# --- Handling


def test_the_owner_is_told_where_they_have_linked_an_account():
    anna, boris = UserFactory(profile__telegram_user_id=7001), UserFactory()
    event_receive(event=event(1, "order.paid", user_id=anna.pk))
    event_receive(event=event(2, "order.completed", user_id=anna.pk))
    event_receive(event=event(3, "order.completed", user_id=boris.pk))
    event_receive(event=event(4, "order.completed", user_id=None))
    event_receive(event=event(5, "order.looked_at", user_id=anna.pk))
    assert order_events_handle(order_id=ORDER) == 5
    told = Notification.objects.order_by("created_at")
    assert [(each.user_id, each.telegram_user_id, each.notification_type, each.sent) for each in told] == [
        (anna.pk, 7001, "order.paid", False),
        (anna.pk, 7001, "order.completed", False),
    ]
    assert told[0].message == "Order 0A1B2C3D: your payment is here."
    assert order_events_handle(order_id=ORDER) == 0
    assert told.count() == 2


def test_people_are_told_in_their_language_what_operators_have_chosen_to_tell(publish):
    publish(told_events=["order.paid"], texts={"uk": {"order.paid": "{number}: гроші тут."}})
    anna = UserFactory(profile__telegram_user_id=7001, profile__language="uk")
    event_receive(event=event(1, "order.paid", user_id=anna.pk))
    event_receive(event=event(2, "order.completed", user_id=anna.pk))
    assert order_events_handle(order_id=ORDER) == 2
    assert Notification.objects.get().message == "0A1B2C3D: гроші тут."


def test_every_text_names_the_order():
    assert all("number" in text.placeholders for text in ORDER_EVENTS.values())
    assert order_number(ORDER) == "0A1B2C3D"


@pytest.mark.parametrize(
    "event_type",
    ["payment.held", "refund.requested", "refund.approved", "refund.rejected", "refund.succeeded", "refund.failed"],
)
def test_the_owner_is_told_what_becomes_of_money_that_does_not_pay_for_the_order(event_type):
    anna = UserFactory(profile__telegram_user_id=7001)
    event_receive(event=event(1, event_type, user_id=anna.pk))
    order_events_handle(order_id=ORDER)
    told = Notification.objects.get()
    assert (told.notification_type, told.telegram_user_id) == (event_type, 7001)
    assert told.message.startswith("Order 0A1B2C3D: ")


def test_an_event_waits_for_the_one_before_it_and_the_gap_can_be_seen():
    other = uuid.uuid4()
    event_receive(event=event(3))
    event_receive(event=event(2))
    event_receive(event=event(1, order_id=other))
    assert order_events_handle(order_id=ORDER) == 0
    assert [gap.sequence for gap in TelegramAdapter().find_event_gaps()] == [2]
    assert order_events_handle(order_id=other) == 1
    event_receive(event=event(1))
    assert list(TelegramAdapter().find_event_gaps()) == []
    assert order_events_handle(order_id=ORDER) == 3
    assert TelegramAdapter().find_inbox_backlog() == (0, None)


def test_a_number_that_comes_again_with_another_event_is_handled_too():
    """The sender's database was restored to an earlier day: its numbers begin anew, and nothing may be lost."""
    for sequence in (1, 2, 3):
        event_receive(event=event(sequence))
    order_events_handle(order_id=ORDER)
    event_receive(event=event(3))
    assert order_events_handle(order_id=ORDER) == 1


def test_what_a_failing_handler_did_is_undone_and_the_later_events_wait(monkeypatch):
    anna = UserFactory(profile__telegram_user_id=7001)

    def failing(received):
        if received.sequence == 2:
            raise ZeroDivisionError

    monkeypatch.setattr(services, "HANDLERS", (*services.HANDLERS, failing))
    for sequence in (1, 2, 3):
        event_receive(event=event(sequence, user_id=anna.pk))
    with pytest.raises(ZeroDivisionError):
        order_events_handle(order_id=ORDER)
    assert handled() == [1]
    assert Notification.objects.count() == 1
    monkeypatch.undo()
    assert order_events_handle(order_id=ORDER) == 2
    assert handled() == [1, 2, 3]
    assert Notification.objects.count() == 3


def test_two_workers_at_once_handle_each_event_once():
    anna = UserFactory(profile__telegram_user_id=7001)
    for sequence in range(1, 13):
        event_receive(event=event(sequence, user_id=anna.pk))
    together, counts = threading.Barrier(3), []

    def work():
        try:
            together.wait()
            counts.append(order_events_handle(order_id=ORDER))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 12
    assert handled() == list(range(1, 13))
    assert Notification.objects.count() == 12
    by_time = InboxEvent.objects.order_by("handled_at").values_list("sequence", flat=True)
    assert list(by_time) == list(range(1, 13))
