"""What Telegram brings is there once, whatever it is and however often it comes."""

import random
from datetime import timedelta

import pytest
from django.db import DataError, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bot.incoming import KINDS, ReceivedUpdate, read_incoming, read_update
from bot.models import BotReply, BotState, BotUpdate
from bot.services import updates as service
from bot.services.updates import offset_read, polled_updates_store, updates_forget
from bot.tests.updates import CHAT, member, message, press, store

pytestmark = pytest.mark.context("telegram")
BOT = "10001"


def test_an_update_is_stored_as_it_came_and_once():
    update = message("/rates", update_id=7)
    assert store(update) == 1
    assert store(update, message("other", update_id=7), message("new", update_id=8)) == 1
    rows = list(BotUpdate.objects.order_by("update_id").values_list("update_id", "chat_id", "kind", "handled_at"))
    assert rows == [(7, CHAT, "message", None), (8, CHAT, "message", None)]
    assert BotUpdate.objects.get(pk=7).body == update


def test_storing_is_one_statement_and_tells_handlers():
    with connections["bot"].cursor() as cursor:
        cursor.execute("LISTEN bot_updates")
    with CaptureQueriesContext(connections["bot"]) as queries:
        store(message("a"), message("b"))
    assert len(queries) == 1
    assert len(list(connections["bot"].connection.notifies(timeout=5, stop_after=1))) == 1


def test_what_a_poll_brought_and_from_where_to_go_on_are_stored_together():
    first, unfit = read_update(message("a", update_id=7)), ReceivedUpdate(8, CHAT, "x" * 51, {})
    assert polled_updates_store(bot_id=BOT, updates=[first], next_offset=8) == 1
    assert offset_read(bot_id=BOT) == 8
    assert offset_read(bot_id="20002") is None
    with pytest.raises(DataError):
        polled_updates_store(bot_id=BOT, updates=[unfit], next_offset=9)
    assert offset_read(bot_id=BOT) == 8
    assert BotUpdate.objects.count() == 1


def test_an_offset_from_before_telegram_numbers_anew_is_not_used(world):
    polled_updates_store(bot_id=BOT, updates=[], next_offset=8)
    BotState.objects.update(updated_at=timezone.now() - timedelta(days=6, minutes=1))
    assert offset_read(bot_id=BOT) is None


@pytest.mark.parametrize(
    "junk",
    [
        None,
        [],
        "update",
        {},
        {"update_id": 1},
        {"update_id": 1, "poll": {}},
        {"update_id": 1, "message": "text"},
        {"update_id": 1, "message": {}},
        {"update_id": 1, "message": {"chat": {"id": "7"}}},
        {"update_id": 1, "message": {"chat": {"id": 2**63}}},
        {"update_id": "1", "message": {"chat": {"id": 7}}},
        {"update_id": True, "message": {"chat": {"id": 7}}},
        {"update_id": -1, "message": {"chat": {"id": 7}}},
        {"update_id": 2**63, "message": {"chat": {"id": 7}}},
    ],
)
def test_junk_is_no_update(junk):
    assert read_update(junk) is None


@pytest.mark.parametrize("update", [message("x"), message("x", kind="edited_message"), press("a:b"), member("kicked")])
def test_every_kind_that_is_asked_for_is_taken_and_read(update):
    found = read_update(update)
    assert found.kind in KINDS
    assert (found.chat_id, read_incoming(found).is_private) == (CHAT, True)


def test_updates_that_leave_out_what_they_may_are_read():
    bare = read_incoming(read_update({"update_id": 1, "message": {"chat": {"id": 7}}}))
    assert bare.update_id == 1
    assert (bare.text, bare.media, bare.message_id, bare.language_code, bare.is_private) == ("", "", 0, "", True)
    alone = read_incoming(read_update({"update_id": 1, "callback_query": {"id": "1", "from": {"id": 7}}}))
    assert (alone.chat_id, alone.press.data, alone.press.label, alone.message_id) == (7, "", "", 0)


def test_whatever_is_nested_in_an_update_is_read_without_an_error():
    chance = random.Random(7)
    odd = [None, 1, -1, 2**70, "x", "\0", True, [], {}, [[]], [{"a": 1}], {"id": 7}, {"inline_keyboard": [[{}], 3]}]
    for _ in range(500):
        update = press("a:b") if chance.random() < 0.5 else message("/rates")
        for name in chance.sample(["from", "message", "data", "id", "text", "message_id", "reply_markup", "photo"], 3):
            content = update.get("callback_query") or update["message"]
            content[name] = chance.choice(odd)
        if (found := read_update(update)) is not None:
            assert read_incoming(found).chat_id == found.chat_id


def test_what_postgresql_cannot_keep_is_taken_out():
    store(message("a\0b\ud800c", update_id=7, entities=[{"type\0": "x\0"}]))
    content = BotUpdate.objects.get(pk=7).body["message"]
    assert content["text"] == "ab?c"
    assert content["entities"] == [{"type": "x"}]


def test_what_nobody_asks_for_any_more_is_forgotten_in_batches_and_what_waits_never(monkeypatch, as_context):
    monkeypatch.setattr(service, "BATCH", 2)
    now = timezone.now()
    old, ancient, fresh = (now - timedelta(days=days) for days in (8, 100, 6))
    ended = [("handled", old), ("handled", old), ("handled", old), ("dead", ancient)]
    kept = [("handled", fresh), ("waiting", ancient), ("dead", old)]
    for number, (state, at) in enumerate(ended + kept):
        times = {"handled_at": at if state == "handled" else None, "dead_at": at if state == "dead" else None}
        BotUpdate.objects.create(update_id=number, chat_id=1, kind="message", body={}, received_at=at, **times)
        times["sent_at"] = times.pop("handled_at")
        BotReply.objects.create(chat_id=1, method="sendMessage", payload={"text": str(number)}, created_at=at, **times)
    assert updates_forget() == 2 * len(ended)
    assert set(BotUpdate.objects.values_list("update_id", flat=True)) == {4, 5, 6}
    assert set(BotReply.objects.values_list("payload__text", flat=True)) == {"4", "5", "6"}
