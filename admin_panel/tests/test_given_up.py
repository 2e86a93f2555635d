"""What the bot has given up: shown with what went wrong, tried again, or dismissed, by who may and with a reason."""

import re
from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import ProgrammingError
from django.utils import timezone

from admin_panel.given_up import State, state_of, with_state
from admin_panel.models import AuditLog
from admin_panel.services.given_up import (
    MAY_CHANGE_REPLIES,
    MAY_CHANGE_UPDATES,
    NotGivenUp,
    operator_reply_dismiss,
    operator_reply_retry,
    operator_update_dismiss,
    operator_update_retry,
)
from admin_panel.services.permissions import ReasonMissing
from admin_panel.tests.broadcasts import WHY, act, actor, messages_of, now, trail
from admin_panel.tests.pages import address, list_address, name_of, view_permission
from bot.models import BotReply, BotUpdate, Conversation, Message
from bot.services.reply_delivery import replies_claim
from bot.services.update_handling import ATTEMPTS, update_handle_next
from bot.tests.factories import BotReplyFactory, BotUpdateFactory
from bot.tests.updates import texts

pytestmark = pytest.mark.context("admin")
MODELS = [BotUpdate, BotReply]
FACTORIES = {BotUpdate: BotUpdateFactory, BotReply: BotReplyFactory}
DONE = {BotUpdate: "handled_at", BotReply: "sent_at"}
PERMISSIONS = {BotUpdate: MAY_CHANGE_UPDATES, BotReply: MAY_CHANGE_REPLIES}
RETRY = {BotUpdate: operator_update_retry, BotReply: operator_reply_retry}
DISMISS = {BotUpdate: operator_update_dismiss, BotReply: operator_reply_dismiss}
of_both = pytest.mark.parametrize("model", MODELS, ids=name_of)
both_ways = pytest.mark.parametrize("services", [RETRY, DISMISS], ids=["retry", "dismiss"])


def dead(model, **of):
    of = {"dead_at": timezone.now(), "failure": "RuntimeError: a mistake of ours", "attempts": ATTEMPTS, **of}
    return FACTORIES[model](**of)


def in_state(model, state):
    match state:
        case State.WAITING:
            return FACTORIES[model]()
        case State.RETRYING:
            return FACTORIES[model](attempts=2, failure="Bad Gateway")
        case State.DONE:
            return FACTORIES[model](**{DONE[model]: timezone.now()})
        case State.GIVEN_UP:
            return dead(model)
        case State.DISMISSED:
            return dead(model, dismissed_at=timezone.now())


def decide(services, by, row, reason=WHY):
    return services[type(row)](actor=by, **{type(row)._meta.model_name: row}, reason=reason)


def shown(page, model):
    return set(re.findall(rf'href="{list_address(model)}(\d+)/change/', page.text))


# --- The pages


@of_both
@pytest.mark.parametrize("state", list(State), ids=str)
def test_a_state_is_told_and_is_looked_for_by_the_same_rule(operator, model, state):
    rows = {each: in_state(model, each) for each in State}
    assert state_of(rows[state]) is state
    assert [row.pk for row in with_state(model.objects.all(), state)] == [rows[state].pk]
    assert shown(operator.get(list_address(model), {"state": state.value}), model) == {str(rows[state].pk)}


@of_both
def test_a_list_begins_with_what_is_given_up_with_error_attempts_and_age(operator, model):
    created = {"received_at" if model is BotUpdate else "created_at": timezone.now() - timedelta(hours=3)}
    row = dead(model, failure="<b>Forbidden</b>", **created)
    in_state(model, State.WAITING)
    for query in ({}, {"state": "nonsense"}):
        page = operator.get(list_address(model), query)
        assert shown(page, model) == {str(row.pk)}
        for expected in ("&lt;b&gt;Forbidden&lt;/b&gt;", f">{ATTEMPTS}<", "3\xa0hours", "given up"):
            assert expected in page.text.lower() or expected in page.text


@of_both
def test_what_people_said_is_for_who_may_read_messages(operator_with, model):
    secret = {"body": {"message": {"text": "secret"}}} if model is BotUpdate else {"payload": {"text": "secret"}}
    page = address("change", dead(model, **secret))
    assert "secret" not in operator_with(view_permission(model)).get(page).text
    assert "secret" in operator_with(view_permission(model), "bot.view_message").get(page).text


@of_both
def test_the_buttons_are_for_who_may_and_for_what_is_given_up(operator_with, model):
    row = dead(model)
    looker = operator_with(view_permission(model))
    assert "Try again…" not in looker.get(address("change", row)).text
    refused = looker.post(act(row, "retry"), {"reason": WHY}, follow=True)
    assert PERMISSIONS[model] in messages_of(refused)[0]
    assert now(row).dead_at is not None
    worker = operator_with(view_permission(model), PERMISSIONS[model])
    for text in ("Try again…", "Dismiss…"):
        assert text in worker.get(address("change", row)).text
        assert text not in worker.get(address("change", in_state(model, State.DONE))).text
        assert text not in worker.get(address("change", in_state(model, State.DISMISSED))).text
    told = worker.post(act(row, "dismiss"), {"reason": WHY}, follow=True)
    assert messages_of(told) == [f"The {model._meta.verbose_name} is dismissed."]
    assert state_of(now(row)) is State.DISMISSED
    again = dead(model)
    told = worker.post(act(again, "retry"), {"reason": WHY}, follow=True)
    assert messages_of(told) == [f"The {model._meta.verbose_name} is tried again."]
    assert state_of(now(again)) is State.WAITING


# --- What is decided


@of_both
@both_ways
def test_a_decision_is_in_the_trail_with_its_reason(model, services):
    row, by = dead(model), actor(PERMISSIONS[model])
    decided = decide(services, by, row)
    assert state_of(decided) is (State.WAITING if services is RETRY else State.DISMISSED)
    [entry] = AuditLog.objects.select_related("result")
    kind = "bot_update" if model is BotUpdate else "bot_reply"
    assert (entry.action, entry.resource_type, entry.resource_id, entry.outcome) == (
        f"{kind}.{'retry' if services is RETRY else 'dismiss'}", kind, str(row.pk), "done"
    )  # fmt: skip
    assert (entry.admin_id, entry.new_values) == (by.admin_id, {"reason": WHY})
    assert entry.old_values == {"failure": "RuntimeError: a mistake of ours", "attempts": ATTEMPTS}


@of_both
@both_ways
@pytest.mark.parametrize("state", [state for state in State if state is not State.GIVEN_UP], ids=str)
def test_only_what_is_given_up_is_decided_about(model, services, state, everything):
    row, by = in_state(model, state), actor("*")
    before = everything()
    with pytest.raises(NotGivenUp):
        decide(services, by, row)
    assert everything() == before
    assert [outcome for _, outcome in trail()] == ["failed"]


@of_both
@both_ways
@pytest.mark.parametrize(
    ("may", "reason", "refusal", "ended"),
    [(False, WHY, PermissionDenied, "denied"), (True, " ", ReasonMissing, "failed")],
)
def test_the_service_asks_for_the_permission_and_the_reason(model, services, may, reason, refusal, ended, everything):
    (other,) = set(PERMISSIONS.values()) - {PERMISSIONS[model]}
    row, by = dead(model), actor(PERMISSIONS[model] if may else other, view_permission(model))
    before = everything()
    with pytest.raises(refusal):
        decide(services, by, row, reason)
    assert everything() == before
    assert [outcome for _, outcome in trail()] == [ended]


@of_both
@pytest.mark.parametrize("column", ["dead_at", "attempts", "dismissed_at", "next_attempt_at"])
def test_the_panel_can_change_nothing_of_them_by_itself(model, column):
    row = dead(model)
    with pytest.raises(ProgrammingError, match="permission denied"):
        model.objects.filter(pk=row.pk).update(**{column: 0 if column == "attempts" else timezone.now()})


# --- What comes of it


def test_an_update_is_handled_then_and_is_in_the_conversation_once(as_context):
    chat = 7001
    row = BotUpdateFactory(chat_id=chat, attempts=ATTEMPTS)  # its last process died
    with as_context("telegram"):
        assert update_handle_next()
    assert (now(row).dead_at is None, Message.objects.count()) == (False, 1)
    told = texts(BotReply.objects.all())
    decide(RETRY, actor("*"), now(row))
    with as_context("telegram"):
        assert update_handle_next()
        assert not update_handle_next()
    assert state_of(now(row)) is State.DONE
    assert Message.objects.count() == 1
    assert Conversation.objects.get().telegram_user_id == chat
    assert len(texts(BotReply.objects.all())) == len(told) + 1


def test_an_update_that_fails_again_is_given_up_again_without_a_second_apology(as_context, world):
    row = BotUpdateFactory(chat_id=7001, attempts=ATTEMPTS)
    with as_context("telegram"):
        update_handle_next()
    decide(RETRY, actor("*"), now(row))
    world.superuser("bot").execute("UPDATE bot_updates SET attempts = %s", [ATTEMPTS])
    with as_context("telegram"):
        assert update_handle_next()
    assert state_of(now(row)) is State.GIVEN_UP
    assert (Message.objects.count(), BotReply.objects.count()) == (1, 1)


def test_a_reply_is_claimed_then(as_context):
    row = dead(BotReply)
    with as_context("telegram"):
        assert replies_claim(limit=1) == []
    decide(RETRY, actor("*"), row)
    with as_context("telegram"):
        (claimed,) = replies_claim(limit=1)
    assert (claimed.id, claimed.attempts) == (row.pk, 0)
