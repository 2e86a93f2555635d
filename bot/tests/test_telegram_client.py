"""The client against a server that speaks the Bot API: what it sends, what it takes, and what it makes of refusals."""

import asyncio
import re

import pytest
from telegram import BotCommand, InlineKeyboardButton, InlineKeyboardMarkup

from bot.telegram.client import Telegram
from bot.telegram.failures import (
    AnotherPoller,
    Gone,
    Refused,
    RetryLater,
    TelegramFailure,
    Unanswered,
    WrongToken,
    translated,
)
from bot.telegram.transport import Transport
from exchanger.environment import WrongEnvironment
from exchanger.sandbox.telegram import faults
from exchanger.sandbox.telegram.server import serving

CHAT = 7001
KEYBOARD = InlineKeyboardMarkup([[InlineKeyboardButton("Yes", callback_data="yes")]])


@pytest.fixture
def server():
    with serving() as server:
        server.join(CHAT)
        yield server


def run(server, work, **options):
    """What ``work`` makes of a client of the server."""

    async def working():
        client = Telegram(**{"token": server.token, "api_url": server.url, "connections": 3, **options})
        async with client as telegram:
            with translated():
                return await work(telegram)

    return asyncio.run(working())


def test_a_message_with_its_keyboard_arrives_as_plain_text(server):
    number = run(server, lambda telegram: telegram.send(chat_id=CHAT, text="1 < 2 & *so*", keyboard=KEYBOARD))
    message = server.api.chats.messages[CHAT, number]
    assert message["text"] == "1 < 2 & *so*"
    assert message["reply_markup"] == {"inline_keyboard": [[{"text": "Yes", "callback_data": "yes"}]]}
    assert set(server.calls[0].parameters) == {"chat_id", "text", "reply_markup"}


def test_the_token_is_checked_by_asking_who_one_is(server):
    assert run(server, lambda telegram: telegram.check_token()) == "exchanger_bot"
    with pytest.raises(WrongToken, match="TELEGRAM_BOT_TOKEN"):
        run(server, lambda telegram: telegram.check_token(), token="10001:wrong")


def test_without_a_token_there_is_no_client_and_one_line_says_how_to_get_one(settings):
    settings.TELEGRAM_BOT_TOKEN = ""
    with pytest.raises(WrongEnvironment, match=r"TELEGRAM_BOT_TOKEN is not set: .*@BotFather"):
        Telegram.from_settings(connections=1)


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        (faults.fails(500), Unanswered),
        (faults.fails(502), Unanswered),
        (faults.fails(409), AnotherPoller),
        (faults.refuses_connection, Unanswered),
        (faults.loses_answer, Unanswered),
    ],
)
def test_what_went_wrong_on_the_way_says_so_and_the_next_call_works(server, fault, failure):
    server.script("sendMessage", fault)

    async def twice(telegram):
        with pytest.raises(failure):
            await telegram.send(chat_id=CHAT, text="first")
        return await telegram.send(chat_id=CHAT, text="second")

    assert run(server, twice)
    assert [call.text for call in server.messages][-1] == "second"


def test_a_pause_that_is_asked_for_is_told_in_seconds(server):
    server.script("sendMessage", faults.floods(17))
    with pytest.raises(RetryLater) as failure:
        run(server, lambda telegram: telegram.send(chat_id=CHAT, text="x"))
    assert failure.value.seconds == 17


@pytest.mark.parametrize(
    ("chat_id", "text", "change", "failure"),
    [
        (CHAT, "x", {"blocked": True}, Gone),
        (CHAT, "x", {"deactivated": True}, Gone),
        (7002, "x", {}, Gone),
        (CHAT, "x" * 4097, {}, Refused),
        (CHAT, " ", {}, Refused),
    ],
)
def test_a_chat_that_is_gone_and_a_message_that_is_not_taken_are_told_apart(server, chat_id, text, change, failure):
    for name, value in change.items():
        setattr(server.api.chats.people[CHAT], name, value)
    with pytest.raises(TelegramFailure) as raised:
        run(server, lambda telegram: telegram.send(chat_id=chat_id, text=text))
    assert type(raised.value) is failure
    assert server.messages == []


def test_a_server_that_is_not_there_is_unanswered(server):
    with pytest.raises(Unanswered):
        run(server, lambda telegram: telegram.send(chat_id=CHAT, text="x"), api_url="http://127.0.0.1:1")


def test_more_calls_than_connections_wait_for_one(server):
    async def many(telegram):
        return await asyncio.gather(*(telegram.send(chat_id=CHAT, text=str(number)) for number in range(20)))

    assert len(set(run(server, many))) == 20
    assert len({call.text for call in server.messages}) == 20


def test_replies_that_leave_things_out_are_taken():
    bare = b'{"ok": true, "result": {"message_id": 5}}'
    assert Transport.parse_json_payload(bare)["result"] == {
        "message_id": 5, "date": 0, "chat": {"id": 0, "type": "private"}
    }  # fmt: skip
    update = b'{"ok": true, "result": [{"update_id": 1, "message": {"message_id": 5, "from": {"id": 7}, "text": "x"}}]}'
    message = Transport.parse_json_payload(update)["result"][0]["message"]
    assert message["from"] == {"id": 7, "first_name": "", "is_bot": False}


# --- The rest of the Bot API, which the dialogues need


def test_updates_are_polled_once_each_and_wait_for_news(server):
    person = server.api.chats.people[CHAT]
    server.say(person, "/start")
    server.say(person, "/rates")

    async def poll(telegram):
        first = await telegram.bot.get_updates(limit=1)
        again = await telegram.bot.get_updates(limit=1)
        rest = await telegram.bot.get_updates(offset=first[0].update_id + 1)
        waiting = asyncio.create_task(telegram.bot.get_updates(offset=rest[0].update_id + 1, timeout=20))
        await asyncio.to_thread(server.say, person, "/help")
        return [[update.message.text for update in updates] for updates in (first, again, rest, await waiting)]

    assert run(server, poll) == [["/start"], ["/start"], ["/rates"], ["/help"]]


def test_a_poll_without_news_ends_with_nothing(server):
    assert run(server, lambda telegram: telegram.bot.get_updates(timeout=0)) == ()


def test_only_updates_of_the_kinds_that_were_asked_for_are_kept(server):
    person = server.api.chats.people[CHAT]

    async def poll(telegram):
        await telegram.bot.get_updates(allowed_updates=["callback_query"])
        number = await telegram.send(chat_id=CHAT, text="Sure?", keyboard=KEYBOARD)
        await asyncio.to_thread(server.say, person, "ignored")
        query_id = await asyncio.to_thread(server.press, person, number, "yes")
        (update,) = await telegram.bot.get_updates()
        assert update.callback_query.data == "yes"
        assert await telegram.bot.answer_callback_query(query_id)
        with pytest.raises(Refused, match=r"(?i)query is too old"), translated():
            await telegram.bot.answer_callback_query(query_id)

    run(server, poll)


def test_a_second_poller_ends_the_first(server):
    async def poll(telegram):
        other = Telegram(token=server.token, api_url=server.url, connections=1)
        async with other:
            first = asyncio.create_task(telegram.bot.get_updates(timeout=20))
            while server.api.updates._poller is None:
                await asyncio.sleep(0)
            assert await other.bot.get_updates(timeout=0) == ()
            with pytest.raises(AnotherPoller, match="only one bot instance"), translated():
                await first

    run(server, poll)


def test_a_message_is_edited_and_one_that_stays_the_same_is_refused(server):
    async def edit(telegram):
        number = await telegram.send(chat_id=CHAT, text="Sure?", keyboard=KEYBOARD)
        edited = await telegram.bot.edit_message_text("Done.", chat_id=CHAT, message_id=number)
        assert (edited.text, edited.reply_markup) == ("Done.", None)
        for change, reason in (("Done.", "not modified"), ("", "empty")):
            with pytest.raises(Refused, match=f"(?i){reason}"), translated():
                await telegram.bot.edit_message_text(change, chat_id=CHAT, message_id=number)
        with pytest.raises(Refused, match=r"(?i)to edit not found"), translated():
            await telegram.bot.edit_message_text("x", chat_id=CHAT, message_id=number + 1)
        with pytest.raises(Refused, match=re.escape("find end tag")), translated():
            await telegram.bot.send_message(CHAT, "<b>x", parse_mode="HTML")
        assert (await telegram.bot.send_message(CHAT, "<b>x</b>", parse_mode="HTML")).text == "x"

    run(server, edit)


def test_commands_are_set(server):
    assert run(server, lambda telegram: telegram.bot.set_my_commands([BotCommand("rates", "Rates")]))
    assert "rates" in server.api.commands[0]["commands"]
