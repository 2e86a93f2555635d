"""The pages of broadcasts: the form, the draft's preview, the buttons, and figures that renew themselves."""

import re

import pytest
from django.utils import timezone

from admin_panel import deliveries
from admin_panel.models import AuditLog
from admin_panel.services.broadcast_making import broadcast_fan_out
from admin_panel.services.broadcasts import MAY_CONDUCT, MAY_WRITE
from admin_panel.tests.broadcasts import TEXTS, WHY, act, link, linked, many_linked, messages_of, now, running, trail
from admin_panel.tests.pages import address
from bot.models import Broadcast, BroadcastStatus, Notification
from bot.services.notification_delivery import UNWANTED
from bot.tests.factories import BroadcastFactory, NotificationFactory
from identity.services.permissions import permission_revoke
from identity.tests.factories import UserFactory
from web.tests.factories import OrderFactory

pytestmark = pytest.mark.context("admin")
LIST = "/admin/bot/broadcast/"
ADD = f"{LIST}add/"
MAY_SEE = "bot.view_broadcast"
FORM = {"text_en": TEXTS["en"], "text_uk": TEXTS["uk"], "text_ru": "", "reason": WHY}
VERBS = {
    BroadcastStatus.DRAFT: {"try", "start", "stop"},
    BroadcastStatus.RUNNING: {"pause", "stop"},
    BroadcastStatus.PAUSED: {"resume", "stop"},
    BroadcastStatus.STOPPED: set(),
    BroadcastStatus.DONE: set(),
}


def buttons(page, broadcast):
    found = re.findall(rf'action="{LIST}{broadcast.pk}/(\w+)/"', page.text)
    return set(found)


def test_a_draft_is_written_in_a_form_and_shown_with_whom_it_would_reach(operator):
    anna = linked("uk", email="anna@example.com")
    OrderFactory(user_id=anna.pk, from_currency="EUR")
    linked("uk"), UserFactory()
    form = {**FORM, "language": "uk", "days": "30", "pair": "eur/uah"}
    told = operator.post(ADD, form, follow=True)
    [draft] = Broadcast.objects.all()
    assert told.redirect_chain == [(address("change", draft), 302)]
    assert messages_of(told) == ["The draft is written. Nothing is sent until it is started."]
    assert (draft.texts, draft.audience) == (TEXTS, {"language": "uk", "days": 30, "pair": "EUR/UAH"})
    assert "1 person" in told.text
    assert "anna@example.com" in told.text
    assert all(text in told.text for text in TEXTS.values())
    assert not Notification.objects.exists()


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"text_en": ""}, "This field is required."),
        ({"text_en": "a" * 4097}, "at most 4096 characters"),
        ({"text_ru": "👍" * 2049}, "at most 4096 characters"),
        ({"days": "0"}, "greater than or equal to 1"),
        ({"days": "9999"}, "less than or equal to 3650"),
        ({"pair": "USDUAH"}, "Write a pair as two currency codes"),
        ({"language": "xx"}, "not one of the available choices"),
        ({"reason": ""}, "This field is required."),
    ],
)
def test_a_wrong_field_is_said_beside_it_and_nothing_is_written(operator, fields, told, everything):
    operator.get(ADD)
    before = everything()
    answer = operator.post(ADD, FORM | fields)
    assert answer.status_code == 200
    assert told in answer.text
    assert everything() == before


def test_who_may_not_write_has_no_form(operator_with, everything):
    looker = operator_with(MAY_SEE, MAY_CONDUCT)
    looker.get(LIST)
    before = everything()
    assert looker.get(ADD).status_code == 403
    assert looker.post(ADD, FORM).status_code == 403
    assert everything() == before


@pytest.mark.parametrize("status", BroadcastStatus)
def test_a_page_has_the_buttons_that_its_status_allows_for_who_may(operator_with, status):
    broadcast = running(status=status)
    assert buttons(operator_with(MAY_SEE).get(address("change", broadcast)), broadcast) == set()
    page = operator_with(MAY_SEE, MAY_CONDUCT).get(address("change", broadcast))
    assert buttons(page, broadcast) == VERBS[status]


@pytest.mark.parametrize("verb", ["try", "start", "pause", "resume", "stop"])
def test_a_button_does_nothing_without_the_permission_or_a_reason(operator_with, everything, verb, world):
    status = next(status for status, verbs in VERBS.items() if verb in verbs)
    broadcast = running(status=status)

    def the_bot():
        return {name: rows for name, rows in everything().items() if name.startswith("bot.")}

    before = the_bot()
    looker = operator_with(MAY_SEE, MAY_WRITE)
    link(looker.person.pk, world)
    assert MAY_CONDUCT in messages_of(looker.post(act(broadcast, verb), {"reason": WHY}, follow=True))[0]
    worker = operator_with(MAY_SEE, MAY_CONDUCT)
    link(worker.person.pk, world)
    assert "Say why" in messages_of(worker.post(act(broadcast, verb), {"reason": " "}, follow=True))[0]
    assert operator_with("bot.view_notification").post(act(broadcast, verb), {"reason": WHY}).status_code == 403
    assert the_bot() == before
    assert trail() == [(f"broadcast.{verb}", "denied"), (f"broadcast.{verb}", "failed"), ("access.denied", "denied")]


def test_a_broadcast_goes_from_its_draft_to_its_end(operator, world):
    link(operator.person.pk, world)
    linked("uk")
    draft = BroadcastFactory(texts=TEXTS, audience={})
    told = operator.post(act(draft, "try"), {"reason": WHY}, follow=True)
    assert messages_of(told) == ["Its texts wait to be sent to you."]
    assert Notification.objects.filter(user_id=operator.person.pk).count() == 2
    for verb, status in (("start", "running"), ("pause", "paused"), ("resume", "running"), ("stop", "stopped")):
        told = operator.post(act(draft, verb), {"reason": WHY}, follow=True)
        assert messages_of(told) == [f"The broadcast is {status} now."]
        if verb == "start":
            broadcast_fan_out(broadcast_id=draft.pk)
    refused = operator.post(act(draft, "resume"), {"reason": WHY}, follow=True)
    assert messages_of(refused) == ["Nothing was done: the broadcast is stopped by now."]
    assert (now(draft).status, now(draft).queued) == ("stopped", 2)


def delivered():
    """A broadcast of seven: three were sent, two wait, one is dead, and one was not wanted."""
    broadcast = running(queued=7, total=7)
    NotificationFactory.create_batch(3, broadcast=broadcast, sent=True, sent_at=timezone.now())
    NotificationFactory.create_batch(2, broadcast=broadcast)
    NotificationFactory(broadcast=broadcast, dead_at=timezone.now(), failure="Forbidden")
    NotificationFactory(broadcast=broadcast, dead_at=timezone.now(), failure=UNWANTED)
    NotificationFactory.create_batch(5)
    return broadcast


def figures(page):
    found = re.findall(r"<dt>([\w ]+)</dt><dd>(.*?)</dd>", page.text)
    return {name: re.sub(r"<[^>]+>", "", told) for name, told in found}


def test_the_figures_are_those_of_the_broadcast_and_renew_themselves(operator):
    broadcast = delivered()
    page = operator.get(address("change", broadcast))
    told = {"Made": "7, all of them", "Sent": "3", "Waiting": "2", "Dead": "1", "Called off": "1"}
    assert figures(page) == told
    assert 'max="100" value="71"' in page.text
    [fragment] = re.findall(r'hx-get="([^"]+)" hx-trigger="every 3s"', page.text)
    renewed = operator.get(fragment)
    assert figures(renewed) == figures(page)
    assert "<html" not in renewed.text
    assert "HX-Refresh" not in renewed.headers
    operator.post(act(broadcast, "pause"), {"reason": WHY})
    assert operator.get(fragment).headers["HX-Refresh"] == "true"


def test_those_of_a_broadcast_that_were_not_sent_are_a_step_away(operator):
    page = operator.get(address("change", delivered())).text
    for state in ("dead", "called+off"):
        [way] = re.findall(rf'href="([^"]+delivery={re.escape(state)}[^"]+)"', page)
        listed = operator.get(way.replace("&amp;", "&"))
        assert len(set(re.findall(r"/admin/bot/notification/([0-9a-f-]{36})/change/", listed.text))) == 1


@pytest.mark.parametrize("status", [BroadcastStatus.STOPPED, BroadcastStatus.DONE, BroadcastStatus.DRAFT])
def test_one_that_has_ended_or_not_begun_does_not_renew_itself(operator, status):
    assert "every 3s" not in operator.get(address("change", running(status=status, total=0))).text


def test_of_very_many_it_is_said_that_they_are_more(operator, monkeypatch):
    broadcast = delivered()
    monkeypatch.setattr(deliveries, "MOST_COUNTED", 2)
    page = operator.get(address("change", broadcast))
    assert figures(page) == {
        "Made": "7, all of them",
        "Sent": "more than are counted here",
        "Waiting": "2 or more",
        "Dead": "1 or more",
        "Called off": "1 or more",
    }
    assert "<progress" not in page.text


def test_the_figures_take_the_permission_to_see_broadcasts(operator_with, operator):
    way = f"{LIST}{running().pk}/progress/"
    assert operator.get(way).status_code == 200
    assert operator.post(way).status_code == 405
    assert operator.get(f"{LIST}{UserFactory().pk}/progress/").status_code == 404
    assert operator_with("bot.view_notification").get(way).status_code == 403


def test_figures_that_are_refused_or_nobody_is_there_for_are_asked_for_no_more(operator_with):
    broadcast, operator = running(), operator_with(MAY_SEE, "bot.view_notification")
    way = f"{LIST}{broadcast.pk}/progress/?status=running"
    htmx = {"HX-Request": "true"}
    assert "HX-Refresh" not in operator.get(way, headers=htmx).headers
    permission_revoke(user_id=operator.person.pk, permission=MAY_SEE, context="admin")
    refused = operator.get(way, headers=htmx)
    assert (refused.status_code, refused.headers["HX-Refresh"]) == (403, "true")
    [entry] = AuditLog.objects.all()
    assert (entry.action, entry.resource_type, entry.resource_id) == ("access.denied", "broadcast", str(broadcast.pk))
    operator.logout()
    nobody = operator.get(way, headers=htmx)
    assert (nobody.status_code, nobody.headers["HX-Refresh"], nobody.content) == (204, "true", b"")
    assert operator.get(way).status_code == 302


def test_pages_cost_a_bounded_number_of_statements(operator, statements, world):
    broadcast, draft = delivered(), BroadcastFactory(texts=TEXTS, audience={"days": 30})
    OrderFactory(user_id=linked().pk)
    operator.get(LIST)
    few = {row: statements(lambda row=row: operator.get(address("change", row))) for row in (broadcast, draft)}
    many_linked(world, 300)
    NotificationFactory.create_batch(20, broadcast=broadcast)
    for row, before in few.items():
        after = statements(lambda row=row: operator.get(address("change", row)))
        assert {alias: len(sent) for alias, sent in after.items()} == {
            alias: len(sent) for alias, sent in before.items()
        }
    counted = [sql for sql in few[broadcast]["bot"] if "COUNT" in sql]
    assert len(counted) == 2
    assert all("LIMIT 100000" in sql for sql in counted)
    assert (len(few[broadcast]["bot"]), len(few[broadcast]["identity"])) == (3, 1)
    # A draft: the audience, and the addresses of the operator and of the first recipients.
    assert (len(few[draft]["bot"]), len(few[draft]["identity"]), len(few[draft]["web"])) == (1, 3, 1)


def test_the_figures_are_counted_on_indexes(world, statements):
    broadcast = delivered()
    bot = world.superuser("bot")
    bot.execute(
        "INSERT INTO notifications (user_id, message, notification_type, sent, sent_at)"
        " SELECT gen_random_uuid(), 'Hello', 'order.paid', true, now() FROM generate_series(1, 20000)"
    )
    bot.execute("ANALYZE notifications")
    sent = statements(lambda: deliveries.read_progress(broadcast.pk, 6))["bot"]
    for sql in sent:
        plan = "\n".join(line for (line,) in bot.execute(f"EXPLAIN {sql}").fetchall())
        assert "Seq Scan" not in plan
    assert len(sent) == 2


def test_nothing_that_was_written_becomes_html(operator):
    hostile = "<script>alert(1)</script>"
    draft = BroadcastFactory(texts={"en": hostile}, reason=hostile, audience={"pair": "USD/<b>"})
    for page in (address("change", draft), LIST):
        text = operator.get(page).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)" in text
        assert "/<b>" not in text
