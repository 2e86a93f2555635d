"""Updates are handled once each, in order chat by chat, in one transaction with all that comes of them."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.translation import gettext_lazy

from bot.cache import TelegramCache
from bot.dialogues.declaration import Command
from bot.dialogues.engine import Engine
from bot.dialogues.registry import ENGINE
from bot.models import BotReply, BotUpdate, Conversation, Message, UserCommand
from bot.services import update_handling
from bot.services.update_handling import ATTEMPTS, DIED, update_handle_next
from bot.tests.factories import ConversationFactory
from bot.tests.updates import CHAT, handle, link, member, message, press, store, tell, texts, waits_for_a_lock
from exchanger.testing.waiting import until

pytestmark = pytest.mark.context("telegram")


def engine(handler):
    return Engine([Command("do", gettext_lazy("Begin"), handler)], [])


def fails_on(text, times=10**6):
    """An engine whose /do fails for ``text``, and what it was given."""
    given = []

    def handler(turn, arguments):
        given.append(arguments)
        turn.say(f"did {arguments}")
        if arguments == text and given.count(text) <= times:
            raise RuntimeError("a mistake\0 of ours")

    return engine(handler), given


def time_passes(world):
    world.superuser("bot").execute("UPDATE bot_updates SET next_attempt_at = now()")


def test_all_that_comes_of_an_update_is_there_when_it_is_handled():
    replies = tell(message("/help", language="en"))
    update, conversation = BotUpdate.objects.get(), Conversation.objects.get()
    assert update.handled_at is not None
    assert (conversation.telegram_user_id, conversation.state, conversation.user_id) == (CHAT, "idle", None)
    said = Message.objects.get()
    assert (said.conversation_id, said.message_type) == (conversation.pk, "text")
    assert said.content == {"text": "/help", "date": 1_790_000_000, "direction": "in"}
    assert list(UserCommand.objects.values_list("telegram_user_id", "command", "parameters")) == [
        (CHAT, "/help", {"arguments": []})
    ]
    (reply,) = replies
    assert (reply.chat_id, reply.conversation_id, reply.method) == (CHAT, conversation.pk, "sendMessage")
    assert "/rates" in reply.payload["text"]


def test_commands_are_recorded_with_their_parameters_and_buttons_with_what_stood_on_them():
    tell(message("/Rates@exchanger_bot  usd   uah"))
    tell(press({"text": "English", "callback_data": "0:en"}))
    assert UserCommand.objects.get().parameters == {"arguments": ["usd", "uah"]}
    assert UserCommand.objects.get().command == "/rates"
    pressed = Message.objects.get(message_type="callback")
    assert pressed.content == {"data": "0:en", "text": "English", "direction": "in"}


def test_media_are_recorded_under_telegrams_name():
    tell(message(photo=[{"file_id": "1"}], caption="My receipt"))
    row = Message.objects.get()
    assert row.message_type == "photo"
    assert row.content["caption"] == "My receipt"


def test_redelivery_changes_nothing():
    update = message("/help")
    assert len(tell(update)) == 1
    assert tell(update) == []
    assert (BotUpdate.objects.count(), Message.objects.count(), UserCommand.objects.count()) == (1, 1, 1)


STATEMENTS = {  # of the bot database, BEGIN and COMMIT aside, and of the identity database; with and without a press
    "/help": 6,
    "hello": 5,
    "/language": 9,
}


@pytest.mark.parametrize(("text", "most"), STATEMENTS.items())
@pytest.mark.parametrize("linked", [False, True])
def test_the_statements_of_an_update_are_counted(text, most, linked):
    conversation = ConversationFactory(telegram_user_id=CHAT)
    if linked:
        link(conversation)
    tell(message("/help"))
    store(message(text))
    with CaptureQueriesContext(connections["bot"]) as bot, CaptureQueriesContext(connections["identity"]) as identity:
        assert update_handle_next()
    # The configuration is read once in three seconds, whatever comes.
    statements = [query["sql"] for query in bot if "published_configuration" not in query["sql"]]
    statements = [each for each in statements if not each.startswith(("BEGIN", "COMMIT", "SAVEPOINT"))]
    assert len(statements) == most, statements
    assert len(identity) == 1
    with CaptureQueriesContext(connections["bot"]) as bot:
        assert not update_handle_next()
    assert len([query for query in bot if "SELECT" in query["sql"]]) == 1


# --- Failures


def test_a_handler_that_fails_leaves_nothing_and_is_tried_again_later(world):
    failing, given = fails_on("this", times=2)
    assert tell(message("/do this"), engine=failing) == []
    update = BotUpdate.objects.get()
    assert (update.handled_at, update.dead_at, update.attempts) == (None, None, 1)
    assert update.failure == "RuntimeError: a mistake of ours"
    assert timedelta() < update.next_attempt_at - timezone.now() <= timedelta(seconds=1)
    assert not (Conversation.objects.exists() or Message.objects.exists() or UserCommand.objects.exists())
    for _ in range(2):
        time_passes(world)
        handle(engine=failing)
    assert given == ["this"] * 3
    assert texts(BotReply.objects.all()) == ["did this"]
    assert Message.objects.count() == 1
    assert BotUpdate.objects.get().handled_at is not None


def test_an_update_that_fails_holds_back_its_own_chat_alone(world):
    failing, given = fails_on("this")
    tell(message("/do this"), message("/do next"), message("/do elsewhere", chat_id=7002), engine=failing)
    assert given == ["this", "elsewhere"]


@pytest.mark.parametrize(("language", "word"), [("en", "wrong"), ("uk", "не так"), ("ru", "не так")])
def test_after_its_last_attempt_it_is_dead_the_person_is_told_once_and_the_chat_goes_on(world, language, word):
    failing, given = fails_on("this")
    store(message("/do this", language=language), message("/do next"))
    for _ in range(ATTEMPTS + 2):
        handle(engine=failing)
        time_passes(world)
    assert given == ["this"] * ATTEMPTS + ["next"]
    dead, handled = BotUpdate.objects.order_by("update_id")
    assert (dead.attempts, dead.failure, dead.handled_at) == (ATTEMPTS, "RuntimeError: a mistake of ours", None)
    assert dead.dead_at is not None
    assert handled.handled_at is not None
    told, did = texts(BotReply.objects.order_by("id"))
    assert word in told
    assert did == "did next"
    assert [row.content["text"] for row in Message.objects.order_by("sent_at")] == ["/do this", "/do next"]


def test_an_apology_is_in_the_language_that_was_chosen(world):
    tell(message("/language"))
    (_, asked) = [None, BotReply.objects.latest("id")]
    tell(press(asked.payload["reply_markup"]["inline_keyboard"][1][0]))
    failing, _ = fails_on("this")
    store(message("/do this", language="en"))
    for _ in range(ATTEMPTS):
        handle(engine=failing)
        time_passes(world)
    assert "не вдалося" in BotReply.objects.latest("id").payload["text"]


def test_where_the_database_ends_in_between_the_update_is_handled_by_the_next_one(world):
    """The connection is cut while a handler works: nothing of it remains but the attempt."""
    cut = []

    def handler(turn, arguments):
        if not cut:
            cut.append(connections["bot"].connection.info.backend_pid)
            world.superuser("bot").execute("SELECT pg_terminate_backend(%s)", cut)
        turn.say("done")

    working = engine(handler)
    store(message("/do it"))
    update_handle_next(engine=working)
    time_passes(world)
    connections["bot"].close()
    handle(engine=working)
    assert texts(BotReply.objects.all()) == ["done"]
    assert Message.objects.count() == 1


class Killed(BaseException):
    """As a process is that is killed: nothing of ours runs any more."""


def kills_on(text):
    """An engine whose /do kills the process for ``text``, and what it was given."""
    given = []

    def handler(turn, arguments):
        given.append(arguments)
        turn.say(f"did {arguments}")
        if arguments == text:
            raise Killed

    return engine(handler), given


def handle_and_die(killing):
    """Until nothing is due; each death is survived by another process."""
    while True:
        try:
            if not update_handle_next(engine=killing):
                return
        except Killed:
            connections["bot"].close()


def test_an_update_that_kills_its_process_each_time_is_given_up_and_the_chat_goes_on(world):
    killing, given = kills_on("this")
    store(message("/do this"), message("/do next"))
    for attempt in range(1, ATTEMPTS + 1):
        handle_and_die(killing)
        assert given == ["this"] * attempt
        update = BotUpdate.objects.earliest("update_id")
        assert (update.attempts, update.handled_at, update.dead_at) == (attempt, None, None)
        pause = update.next_attempt_at - timezone.now()
        assert timedelta(seconds=2 ** (attempt - 1) - 1) < pause <= timedelta(seconds=2 ** (attempt - 1))
        assert not (Conversation.objects.exists() or Message.objects.exists() or BotReply.objects.exists())
        time_passes(world)
    handle_and_die(killing)
    assert given == ["this"] * ATTEMPTS + ["next"]
    dead, handled = BotUpdate.objects.order_by("update_id")
    assert (dead.attempts, dead.failure, dead.handled_at) == (ATTEMPTS, DIED, None)
    assert dead.dead_at is not None
    assert handled.handled_at is not None
    told, did = texts(BotReply.objects.order_by("id"))
    assert "wrong" in told
    assert did == "did next"
    assert [row.content["text"] for row in Message.objects.order_by("sent_at")] == ["/do this", "/do next"]


def test_where_the_apology_kills_the_process_too_there_is_none(world, monkeypatch):
    killing, given = kills_on("this")
    store(message("/do this"), message("/do next"))
    BotUpdate.objects.filter(body__message__text="/do this").update(attempts=ATTEMPTS)

    def kill(_update):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(update_handling, "_apologise", kill)
        handle_and_die(killing)
    assert BotUpdate.objects.earliest("update_id").dead_at is None
    time_passes(world)
    handle_and_die(killing)
    assert given == ["next"]
    assert BotUpdate.objects.earliest("update_id").dead_at is not None
    assert texts(BotReply.objects.all()) == ["did next"]


def test_who_is_slower_than_the_next_attempt_leaves_the_update_to_it():
    failing, given = fails_on("it", times=1)
    store(message("/do it"))
    late = next(iter(BotUpdate.objects.raw(update_handling._BEGIN, [0.0, ATTEMPTS])))
    assert update_handle_next(engine=failing)
    before = BotUpdate.objects.values().get()
    assert (before["attempts"], before["handled_at"]) == (2, None)
    update_handling._attempt(late, failing)
    update_handling._fail(late, "too late")
    update_handling._give_up(late, "too late")
    assert BotUpdate.objects.values().get() == before
    assert given == ["it"]
    assert not BotReply.objects.exists()


# --- Order


class Diary:
    """Who did what when, by threads that handle at once."""

    def __init__(self):
        self.lock = threading.Lock()
        self.entries = []

    def write(self, *entry):
        with self.lock:
            self.entries.append(entry)


def in_threads(*jobs):
    errors = []

    def run(work):
        try:
            work()
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[work]) for work in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []


def drain(working, expected):
    deadline = time.monotonic() + 60
    while BotUpdate.objects.filter(handled_at__isnull=False).count() < expected:
        assert time.monotonic() < deadline
        update_handle_next(engine=working)


def test_four_workers_at_once_keep_the_order_of_each_chat_and_never_interleave():
    diary = Diary()

    def handler(turn, arguments):
        diary.write("begin", turn.incoming.chat_id, int(arguments))
        assert Message.objects.filter(conversation__telegram_user_id=turn.incoming.chat_id).count() == int(arguments)
        turn.say(arguments)
        diary.write("end", turn.incoming.chat_id, int(arguments))

    working = engine(handler)
    for number in range(50):
        store(message(f"/do {number}"))
        if number < 5:
            store(message(f"/do {number}", chat_id=7002))
    in_threads(*[lambda: drain(working, 55)] * 4)
    for chat, most in ((CHAT, 50), (7002, 5)):
        mine = [(what, number) for what, of, number in diary.entries if of == chat]
        assert mine == [(what, number) for number in range(most) for what in ("begin", "end")]
        assert texts(BotReply.objects.filter(chat_id=chat).order_by("id")) == [str(number) for number in range(most)]


def test_an_update_that_somebody_holds_keeps_no_other_chat_waiting(world):
    working, given = fails_on("nothing")
    held = message("/do held")
    store(held, message("/do free", chat_id=7002))
    other = world.superuser("bot")
    with other.transaction():
        other.execute("SELECT FROM bot_updates WHERE update_id = %s FOR UPDATE", [held["update_id"]])
        handle(engine=working)
        assert given == ["free"]
    handle(engine=working)
    assert given == ["free", "held"]


def test_an_earlier_update_that_comes_later_waits_for_the_one_under_way():
    """A webhook's updates may overtake each other: what is under way keeps its chat to itself even so."""
    ConversationFactory(telegram_user_id=CHAT)  # one that is being made would be waited for without a lock as well
    diary, begun = Diary(), threading.Event()

    def handler(turn, arguments):
        diary.write("begin", arguments)
        begun.set()
        if arguments == "second":
            store_in_another_thread(message("/do first", update_id=10))
            until(waits_for_a_lock)
        diary.write("end", arguments)

    def store_in_another_thread(update):
        in_threads(lambda: store(update))

    working = engine(handler)
    store(message("/do second", update_id=11))

    def work():
        update_handle_next(engine=working)

    def later():
        assert begun.wait(60)
        deadline = time.monotonic() + 60
        while not BotUpdate.objects.filter(pk=10, handled_at__isnull=False).exists():
            assert time.monotonic() < deadline
            update_handle_next(engine=working)

    in_threads(work, later)
    assert diary.entries == [("begin", "second"), ("end", "second"), ("begin", "first"), ("end", "first")]


# --- Chats


def test_blocking_the_bot_marks_the_conversation_and_writing_again_clears_it():
    assert tell(member("kicked")) == []
    assert Conversation.objects.get().blocked_at is not None
    assert tell(member("member")) == []
    assert Conversation.objects.get().blocked_at is None
    tell(member("kicked"))
    tell(message("hello"))
    assert Conversation.objects.get().blocked_at is None
    assert [row.content["text"] for row in Message.objects.all()] == ["hello"]


def test_in_groups_the_bot_says_once_that_it_only_talks_in_private():
    (said,) = tell(member("member", chat_id=-500, chat_type="group"))
    assert (said.chat_id, said.conversation_id) == (-500, None)
    assert "private" in said.payload["text"]
    assert tell(message("/rates", chat_id=-500, chat_type="group")) == []
    assert tell(message("/rates", chat_id=-501, chat_type="channel"), member("left", chat_id=-500)) == []
    assert not Conversation.objects.exists()
    assert BotUpdate.objects.filter(handled_at__isnull=True).count() == 0


def test_other_bots_are_not_talked_to():
    update = message("/help")
    update["message"]["from"]["is_bot"] = True
    assert tell(update) == []
    assert not Conversation.objects.exists()


def test_the_conversation_notes_whose_it_is_now(world):
    user = link(ConversationFactory(telegram_user_id=CHAT))
    world.superuser("bot").execute("UPDATE conversations SET user_id = NULL")
    tell(message("/help"))
    assert Conversation.objects.get().user_id == user.pk
    world.superuser("identity").execute("UPDATE user_profiles SET telegram_user_id = NULL")
    tell(message("/help"))
    assert Conversation.objects.get().user_id is None


# --- The cached conversation


def test_the_cached_conversation_is_gone_with_each_change_of_its_state(world):
    cache = TelegramCache()
    tell(message("hello"))
    assert cache.get_conversation(CHAT)["state"] == "idle"
    tell(message("/language"))
    assert cache.get_conversation(CHAT)["state"] == "language.choosing"
    with world.redis() as redis:
        assert 0 < redis.ttl(f"cache:telegram:conversations:{CHAT}") <= 24 * 3600
    tell(message("/cancel"))
    assert cache.get_conversation(CHAT)["state"] == "idle"
    assert cache.get_conversation(1) is None


def test_help_is_cached_by_language_for_an_hour_and_made_anew_when_forgotten(world):
    cache = TelegramCache()
    (said,) = tell(message("/help", language="uk"))
    with world.redis() as redis:
        assert 0 < redis.ttl("cache:telegram:commands:help:uk") <= 3600
        assert not redis.exists("cache:telegram:commands:help:en")
    assert cache.get_help("uk", lambda: "another") == said.payload["text"]
    cache.forget_help(["uk"])
    assert cache.get_help("uk", lambda: "another") == "another"


def test_the_engine_in_use_is_the_registrys(monkeypatch):
    assert update_handling.ENGINE is ENGINE
