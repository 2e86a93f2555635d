"""The bot as a process, over real HTTP: what people write to it, what they read, and what becomes of it in a crash."""

import itertools
from collections import Counter
from contextlib import contextmanager

import httpx
import pytest
from django.db import connections
from django.utils import timezone

from bot.incoming import KINDS
from bot.models import BotReply, BotUpdate, Conversation, Message, UserCommand
from bot.runner import handlers, poller, replier
from bot.services.reply_delivery import LEASE_SECONDS
from bot.services.update_handling import ATTEMPTS, DIED
from bot.services.updates import offset_read
from bot.tests.factories import ConversationFactory, NotificationFactory
from bot.tests.sending import FAST, ended, sender
from bot.tests.talking import BotRun, Talker, settled, talking
from bot.tests.updates import message, store, waits_for_a_lock
from exchanger.kernel.contexts import Context
from exchanger.sandbox.telegram import faults
from exchanger.sandbox.telegram.limits import Limits
from exchanger.sandbox.telegram.server import serving
from exchanger.testing.outages import frozen_redis
from exchanger.testing.processes import ApplicationProcess
from exchanger.testing.waiting import until

pytestmark = pytest.mark.context("telegram")
CHAT = 7001


@pytest.fixture(autouse=True)
def fast(settings):
    for name, value in FAST.items():
        setattr(settings, name, value)


@pytest.fixture
def telegram():
    with serving() as server:
        yield server


@pytest.fixture
def anna(telegram):
    return Talker(telegram, CHAT)


CONVERSATIONS = {
    "en": [
        "Hello! I show",
        "What I can do:",
        "Which language shall I speak?",
        "From now on I speak English.",
        "nothing",
    ],
    "uk": ["Вітаю! Я показую", "Що я вмію:", "Якою мовою мені говорити?", "Відтепер я говорю українською.", "нічого"],
    "ru": ["Здравствуйте! Я", "Что я умею:", "На каком языке мне", "Теперь я говорю по-русски.", "нечего"],
}
NAMES = {"en": "English", "uk": "Українська", "ru": "Русский"}


@pytest.mark.parametrize("language", CONVERSATIONS)
def test_a_conversation_in_each_language(telegram, language):
    anna = Talker(telegram, CHAT, language=language)
    with talking(telegram):
        answers = [anna.say("/start"), anna.say("/help"), anna.say("/language")]
        answers += [anna.press(NAMES[language]), anna.say("/cancel")]
        until(settled)
    for answer, expected in zip(answers, CONVERSATIONS[language], strict=True):
        assert expected.lower() in answer.lower()
    told = Message.objects.order_by("sent_at", "id").values_list("message_type", "content__direction")
    assert Counter(told) == Counter({("text", "in"): 4, ("callback", "in"): 1, ("text", "out"): 5})
    assert list(UserCommand.objects.order_by("executed_at").values_list("command", flat=True)) == [
        "/start", "/help", "/language", "/cancel"
    ]  # fmt: skip
    answered = [call.parameters for call in telegram.calls if call.method == "answerCallbackQuery"]
    assert len(answered) == 1


def test_what_was_said_is_recorded_as_telegram_has_it(telegram, anna):
    with talking(telegram):
        anna.say("/language")
        until(settled)
    row = Message.objects.get(content__direction="out")
    kept = telegram.api.chats.messages[CHAT, row.message_id]
    assert row.content == {"text": kept["text"], "reply_markup": kept["reply_markup"], "direction": "out"}
    reply = BotReply.objects.get()
    assert (reply.attempts, reply.failure, reply.claimed_until, reply.dead_at) == (0, "", None, None)


def test_telegram_is_told_the_commands_in_every_language_and_asked_for_what_is_handled(telegram, anna):
    with talking(telegram):
        anna.say("/start")
    told = {each.get("language_code", "en"): each["commands"] for each in telegram.api.commands}
    assert set(told) == {"en", "uk", "ru"}
    assert "Exchange rates" in told["en"]
    assert "Курси валют" in told["uk"] or "\\u" in told["uk"]
    polls = [call for call in telegram.calls if call.method == "getUpdates"]
    assert all(kind in polls[0].parameters["allowed_updates"] for kind in KINDS)
    assert offset_read(bot_id=telegram.token.partition(":")[0]) == BotUpdate.objects.latest("update_id").pk + 1


def test_an_idle_bot_hears_of_updates_and_replies_and_does_not_come_upon_them(telegram, anna, monkeypatch):
    for module in (handlers, replier):
        monkeypatch.setattr(module, "LOOK_SECONDS", 3600.0)
    with talking(telegram):
        for _ in range(3):
            anna.say("/cancel")
            until(settled)
        telegram.say(anna.person, "/n1")  # and of the next reply of a chat when the one before it is said
        telegram.say(anna.person, "/n2")
        until(lambda: len(anna.calls) == 5)


# --- Restarts, crashes, several at once


def test_a_dialogue_goes_on_after_a_restart(telegram, anna, world):
    first = BotRun(world, telegram, "first")
    try:
        assert "Which language" in anna.say("/language")
        first.stop()
    finally:
        first.kill()
    number, carried = anna.keyboard()
    telegram.press(anna.person, number, carried["Українська"])
    with talking(telegram):
        assert "українською" in anna.hear()


@contextmanager
def chat_held(world):
    """Nobody gets to handle the chat's updates inside: its conversation is locked."""
    ConversationFactory(telegram_user_id=CHAT)
    with world.superuser("bot").transaction():
        world.superuser("bot").execute("SELECT FROM conversations WHERE telegram_user_id = %s FOR UPDATE", [CHAT])
        yield


def test_killed_while_it_handles_an_update_another_one_handles_it_once(telegram, anna, world):
    first = BotRun(world, telegram, "first")
    try:
        with chat_held(world):
            telegram.say(anna.person, "/start")
            until(waits_for_a_lock, first.log.read_text)
            first.kill()
    finally:
        first.kill()
    assert BotUpdate.objects.filter(handled_at=None, attempts=1).count() == 1
    assert not BotReply.objects.exists()
    with talking(telegram):
        assert "Hello" in anna.hear()
        until(settled)
    assert len(anna.calls) == 1
    assert Message.objects.filter(content__direction="in").count() == 1


def test_killed_at_the_last_attempt_too_the_update_is_given_up_and_the_chat_goes_on(telegram, anna, world):
    """That each attempt is counted, test_update_handling.py shows without a process for each."""
    store(message("/start"), message("/cancel"))
    BotUpdate.objects.filter(body__message__text="/start").update(attempts=ATTEMPTS - 1)
    process = BotRun(world, telegram, "last")
    try:
        with chat_held(world):
            until(waits_for_a_lock, process.log.read_text)
            process.kill()
    finally:
        process.kill()
    assert BotUpdate.objects.filter(attempts=ATTEMPTS, handled_at=None, dead_at=None).count() == 1
    BotUpdate.objects.update(next_attempt_at=timezone.now())
    with talking(telegram):
        until(settled)
    given_up, handled = BotUpdate.objects.order_by("update_id")
    assert (given_up.failure, given_up.dead_at is None, handled.handled_at is None) == (DIED, False, False)
    assert ["wrong" in call.text or "cancel" in call.text for call in anna.calls] == [True, True]


def leases_run_out(world):
    world.superuser("bot").execute(
        "UPDATE bot_replies SET next_attempt_at = least(next_attempt_at, now()),"
        " claimed_until = least(claimed_until, now())"
    )


def test_killed_between_a_reply_and_its_record_that_reply_alone_comes_twice(telegram, anna, world):
    other = Talker(telegram, 7002)
    telegram.script("sendMessage", faults.never_answers, chat_id=CHAT)
    first = BotRun(world, telegram, "first")
    try:
        assert "Hello" in other.say("/start")
        assert "Hello" in anna.say("/start")  # it arrives, and the bot never hears of it
        telegram.say(anna.person, "/cancel")
        until(lambda: BotUpdate.objects.filter(handled_at=None).count() == 0)
        until(lambda: BotReply.objects.filter(chat_id=7002, sent_at=None).count() == 0)
    finally:
        first.kill()
    with talking(telegram):
        other.say("/cancel")
        assert len(anna.calls) == 1  # the claim of the dead one holds until it runs out
        leases_run_out(world)
        until(settled)
    assert [call.text.split("!")[0] for call in anna.calls] == ["Hello", "Hello", "There is nothing to cancel."]
    assert len(other.calls) == 2
    assert Message.objects.filter(content__direction="out").count() == 4
    assert LEASE_SECONDS < 60


def test_killed_before_it_replied_the_replies_are_said_by_another_one(telegram, anna, world):
    telegram.script("sendMessage", faults.refuses_connection, times=2)
    first = BotRun(world, telegram, "first")
    try:
        telegram.say(anna.person, "/start")
        telegram.say(anna.person, "/cancel")
        until(lambda: BotReply.objects.filter(attempts=1, sent_at=None).exists())
    finally:
        first.kill()
    assert anna.calls == []
    telegram.api.script.clear()
    leases_run_out(world)
    with talking(telegram):
        until(settled)
    assert [call.text.split(" ")[0] for call in anna.calls] == ["Hello!", "There"]


def test_when_the_one_that_polls_is_killed_another_takes_over(telegram, anna, world):
    first = BotRun(world, telegram, "first")
    first.wait_until("asks Telegram for updates")
    second = BotRun(world, telegram, "second")
    try:
        second.wait_until("talking as @exchanger_bot")
        assert "Hello" in anna.say("/start")
        assert "asks Telegram" not in second.log.read_text()
        assert {call.status for call in telegram.calls if call.method == "getUpdates"} <= {200, None}
        until(settled)
        first.kill()
        assert "nothing to cancel" in anna.say("/cancel")
        second.wait_until("asks Telegram for updates")
        second.stop()
    finally:
        first.kill()
        second.kill()
    assert len(anna.calls) == 2


def test_two_processes_keep_the_order_of_a_chat_and_repeat_nothing(telegram, anna, world):
    first, second = BotRun(world, telegram, "first"), BotRun(world, telegram, "second")
    try:
        for each in (first, second):
            each.wait_until("talking as @exchanger_bot")
        for number in range(50):
            telegram.say(anna.person, f"/n{number}")
        until(lambda: len(anna.calls) == 50)
        until(settled)
    finally:
        first.kill()
        second.kill()
    assert [call.text.split(".")[0] for call in anna.calls] == [
        f"I do not know the command /n{number}" for number in range(50)
    ]
    said = (
        Message.objects.filter(content__direction="in").order_by("message_id").values_list("content__text", flat=True)
    )
    assert list(said) == [f"/n{number}" for number in range(50)]
    assert Message.objects.filter(content__direction="out").count() == 50


def test_what_telegram_brings_again_is_not_answered_again(telegram, anna, world):
    with talking(telegram):
        anna.say("/start")
        until(settled)
    telegram.api.updates._waiting.extend(BotUpdate.objects.order_by("update_id").values_list("body", flat=True))
    world.superuser("bot").execute("DELETE FROM bot_state")  # as if the offset had been lost
    with talking(telegram):
        assert "nothing" in anna.say("/cancel")
        until(settled)
    assert len(anna.calls) == 2


# --- Replies


def test_replies_of_a_chat_keep_their_order_when_one_of_them_fails(telegram, anna, world):
    telegram.script("sendMessage", faults.fails(502), chat_id=CHAT)
    other = Talker(telegram, 7002)
    with talking(telegram):
        for text in ("/n1", "/n2", "/n3"):
            telegram.say(anna.person, text)
        until(lambda: BotReply.objects.filter(chat_id=CHAT).count() == 3)
        assert "Hello" in other.say("/start")
        until(lambda: BotReply.objects.filter(attempts=1, claimed_until=None).exists())
        assert anna.calls == []
        leases_run_out(world)
        until(settled)
    assert [call.text[27:29] for call in anna.calls] == ["n1", "n2", "n3"]


@pytest.mark.parametrize("state", ["blocked", "deactivated"])
def test_a_chat_that_is_gone_is_marked_and_what_it_says_later_clears_it(telegram, anna, state):
    store(message("/start"))
    setattr(anna.person, state, True)
    with talking(telegram):
        until(lambda: BotReply.objects.filter(dead_at__isnull=False).exists())
        assert Conversation.objects.get().blocked_at is not None
        assert "Forbidden" in BotReply.objects.get().failure
        setattr(anna.person, state, False)
        assert "nothing" in anna.say("/cancel")
    assert Conversation.objects.get().blocked_at is None


def test_a_pause_that_telegram_asks_for_is_kept(telegram, anna, world):
    telegram.script("sendMessage", faults.floods(1))
    with talking(telegram):
        anna.say("/start")
        until(settled)
    refused, taken = [call for call in telegram.calls if call.method == "sendMessage"]
    assert (refused.status, taken.status) == (429, 200)
    assert taken.at - refused.at > 0.9
    assert BotReply.objects.get().attempts == 0


def test_an_answer_to_a_press_that_comes_too_late_is_no_failure(telegram, anna):
    with talking(telegram):
        anna.say("/language")
        number, carried = anna.keyboard()
        query = telegram.press(anna.person, number, carried["English"])
        telegram.api._unanswered.discard(query)
        assert "English" in anna.hear()
        until(settled)
    assert set(BotReply.objects.values_list("dead_at", "failure")) == {(None, "")}


def test_a_change_that_was_made_already_is_no_failure(telegram, anna, world):
    """A process that was killed after its call: the next one makes the same change again."""
    with talking(telegram):
        anna.say("/language")
        anna.press("English")
        until(settled)
        world.superuser("bot").execute("UPDATE bot_replies SET sent_at = NULL WHERE method = 'editMessageText'")
        until(settled)
    assert set(BotReply.objects.values_list("dead_at", "failure")) == {(None, "")}
    assert [call.status for call in telegram.calls if call.method == "editMessageText"] == [200, 400]


def test_a_change_of_a_message_that_is_gone_is_dead_says_why_and_the_chat_goes_on(telegram, anna):
    with talking(telegram):
        anna.say("/language")
        number, carried = anna.keyboard()
        until(settled)
    telegram.press(anna.person, number, carried["English"])
    telegram.api.chats.messages.pop((CHAT, number))
    with talking(telegram):
        assert "nothing" in anna.say("/cancel")
        until(settled)
    dead = BotReply.objects.get(dead_at__isnull=False)
    assert (dead.method, dead.attempts, "not found" in dead.failure) == ("editMessageText", 1, True)


def test_replies_go_before_notifications_within_one_pace(telegram, settings):
    settings.TELEGRAM_MESSAGES_PER_SECOND = 10.0
    telegram.api.limits = Limits(per_second=13)
    telegram.api.chats.anybody = True
    for number in range(60):
        NotificationFactory(telegram_user_id=9000 + number, message=f"news {number}")
    anna = Talker(telegram, CHAT)
    with sender(telegram), talking(telegram):
        telegram.wait(lambda: len(telegram.messages) >= 5)
        between = []
        for _ in range(4):
            before = len(telegram.messages)
            anna.say("/cancel")
            between.append(len(telegram.messages) - before - 1)
        assert ended() < 55
    assert max(between) <= 5, between  # of the sixty that were there before
    assert {call.status for call in telegram.calls if call.method == "sendMessage"} == {200}


def test_a_chat_gets_no_more_than_its_pace(telegram, settings, anna):
    settings.TELEGRAM_CHAT_MESSAGES_PER_SECOND = 4.0
    telegram.api.limits = Limits(chat_per_second=5)
    with talking(telegram):
        for number in range(6):
            telegram.say(anna.person, f"/n{number}")
        until(lambda: len(anna.calls) == 6)
    times = [call.at for call in anna.calls]
    assert min(later - earlier for earlier, later in itertools.pairwise(times)) > 0.2


# --- Who else takes the updates; tokens


def test_beside_a_webhook_it_says_what_to_do(telegram, monkeypatch, caplog):
    monkeypatch.setattr(poller, "CONFLICT_SECONDS", 0.05)
    httpx.post(f"{telegram.url}/bot{telegram.token}/setWebhook", json={"url": "http://127.0.0.1:1/"})
    with talking(telegram):
        telegram.wait(lambda: len([call for call in telegram.calls if call.method == "getUpdates"]) > 2)
    assert "set_webhook --delete" in caplog.text
    assert "--handlers-only" in caplog.text


def test_a_stranger_who_polls_with_the_same_token_is_named(telegram, monkeypatch, caplog):
    monkeypatch.setattr(poller, "CONFLICT_SECONDS", 0.05)
    telegram.script("getUpdates", faults.fails(409))
    with talking(telegram):
        telegram.wait(lambda: len([call for call in telegram.calls if call.method == "getUpdates"]) > 1)
    assert "Somebody else polls with this bot's token" in caplog.text


def test_a_wrong_token_ends_the_process_with_one_line(telegram, world):
    run = BotRun(world, telegram, "wrong", TELEGRAM_BOT_TOKEN="10001:wrong")
    assert run.process.wait(timeout=60) == 78
    assert run.log.read_text().strip().splitlines()[-1].startswith("exchanger: Telegram does not know the token")


def test_without_a_token_one_line_says_how_to_get_one(telegram, world):
    run = BotRun(world, telegram, "none", TELEGRAM_BOT_TOKEN="")
    assert run.process.wait(timeout=60) == 78
    assert "@BotFather" in run.log.read_text()


def test_while_telegram_is_away_nothing_is_lost(telegram, anna, monkeypatch):
    monkeypatch.setattr(poller, "RETRY_SECONDS", 0.05)
    telegram.script("getUpdates", faults.fails(502), times=2)
    with talking(telegram):
        assert "Hello" in anna.say("/start")


# --- The webhook


def test_a_conversation_through_the_webhook(telegram, anna, world):
    log = world.paths.logs / "webhook.log"
    secret = "s3cret" * 8
    application = ApplicationProcess(
        Context.TELEGRAM, world.environments, log, extra={"TELEGRAM_WEBHOOK_SECRET": secret}
    )
    run = BotRun(world, telegram, "beside", "--handlers-only")
    try:
        address = f"{application.url}/telegram/webhook"
        httpx.post(
            f"{telegram.url}/bot{telegram.token}/setWebhook", json={"url": address, "secret_token": secret}
        ).raise_for_status()
        assert "Which language" in anna.say("/language")
        assert "по-русски" in anna.press("Русский")
        until(settled)
        assert BotUpdate.objects.count() == 2
        assert not [call for call in telegram.calls if call.method == "getUpdates"]
        run.stop()
    finally:
        run.kill()
        application.stop()


def test_without_redis_people_are_answered_all_the_same(telegram, anna, world, settings):
    settings.REDIS_PROBE_SECONDS = 3600
    with frozen_redis(world), talking(telegram):
        assert "Hello" in anna.say("/start")
        assert "Which language" in anna.say("/language")
        assert "українською" in anna.press("Українська")
        assert "Що я вмію" in anna.say("/help")


def test_the_process_lives_through_a_lost_connection(telegram, anna, world):
    with talking(telegram):
        anna.say("/start")
        world.superuser("bot").execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'exchanger_telegram'"
        )
        for alias in ("bot", "identity"):
            connections[alias].close()
        assert "nothing to cancel" in anna.say("/cancel")
