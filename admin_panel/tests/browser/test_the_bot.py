"""The bot's pages in a browser: a chat, dead letters in a list, one client written to, and a broadcast."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from admin_panel.tests.broadcasts import linked, now, running
from admin_panel.tests.pages import address
from admin_panel.tests.workers import WAIT_SECONDS, Workers
from bot.models import Broadcast, Notification
from bot.tests.factories import ConversationFactory, MessageFactory, NotificationFactory
from exchanger.testing.waiting import until
from identity.services.sessions import user_sessions_revoke

pytestmark = pytest.mark.context("admin")
REASON = "Asked for by the office."


def says(page, text):
    page.get_by_text(text).first.wait_for()


def test_a_chat_opens_at_its_end_and_leads_back(operator):
    conversation = ConversationFactory()
    for number in range(60):
        MessageFactory(
            conversation=conversation,
            content={"text": f"message {number}", "direction": "in"},
            sent_at=timezone.now() + timedelta(seconds=number),
        )
    page = operator.open(address("change", conversation))
    newest, window = page.get_by_text("message 59"), page.locator(".thread-window")
    assert window.evaluate("w => w.scrollHeight > w.clientHeight")
    top, height = newest.bounding_box()["y"], window.bounding_box()
    assert height["y"] <= top <= height["y"] + height["height"]
    page.get_by_role("link", name="Older messages").click()
    says(page, "message 9")
    assert page.get_by_text("message 59").count() == 0
    page.get_by_role("link", name="Newest messages").click()
    says(page, "message 59")


def test_dead_letters_of_a_list_are_tried_again(operator):
    dead = [NotificationFactory(dead_at=timezone.now(), failure="Forbidden") for _ in range(3)]
    page = operator.open(f"{reverse('admin:bot_notification_changelist')}?delivery=dead")
    for mark in page.locator("input.action-select").all()[:2]:
        mark.click()
    page.locator("select[name=action]").select_option("retry_selected")
    page.get_by_label("Reason").fill(REASON)
    page.get_by_role("button", name="Run").click()
    says(page, "2 are tried again.")
    assert sorted(now(row).dead_at is None for row in dead) == [False, True, True]


def test_a_client_is_written_to_from_their_page(operator):
    anna = linked(email="anna@example.com")
    page = operator.open(address("change", anna))
    page.get_by_role("link", name="Write to this client").click()
    page.get_by_label("Text").fill("Hello Anna")
    page.get_by_label("Reason").fill(REASON)
    page.get_by_role("button", name="Preview").click()
    says(page, "To anna@example.com")
    page.get_by_role("button", name="Send it").click()
    says(page, "The message waits to be sent.")
    assert Notification.objects.get().message == "Hello Anna"


def test_who_is_logged_out_elsewhere_meets_the_login_where_figures_renewed_themselves(operator, boss):
    page = operator.open(address("change", running()))
    says(page, "These figures renew themselves.")
    user_sessions_revoke(user_id=boss.pk)
    page.get_by_label("Password").wait_for()


@pytest.fixture
def workers(world):
    workers = Workers(world, "browser-broadcasts")
    yield workers
    workers.close()


def test_the_figures_of_a_broadcast_renew_themselves_beside_what_is_being_typed(operator, workers):
    linked(), linked()
    page = operator.open(reverse("admin:bot_broadcast_add"))
    page.get_by_label("Text: English").fill("We are open on Sunday.")
    page.get_by_label("Reason").fill(REASON)
    page.get_by_role("button", name="Write the draft").click()
    says(page, "2 people")
    page.locator("summary", has_text="Start").click()
    form = page.locator("details[open] form")
    form.get_by_label("Reason").fill(REASON)
    form.get_by_role("button", name="Start").click()
    says(page, "Notifications are being made: 0 so far.")
    page.locator("summary", has_text="Pause").click()
    typed = page.locator("details[open] form").get_by_label("Reason")
    typed.fill("Half a reason")
    workers.start()
    says(page, "2, all of them")
    assert typed.input_value() == "Half a reason"
    until(lambda: Broadcast.objects.get().total == 2, seconds=WAIT_SECONDS)
