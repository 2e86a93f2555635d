"""What the bot answers: in whose language, at which point of a dialogue, and to what it did not expect."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from django.utils.translation import gettext_lazy

from bot.dialogues import start
from bot.dialogues.declaration import Command, Dialogue, Step
from bot.dialogues.engine import Engine
from bot.dialogues.registry import ENGINE
from bot.dialogues.standing import Standing
from bot.dialogues.turn import MOST_CALLBACK_BYTES, Button, Turn
from bot.dialogues.wording import moment
from bot.models import Conversation
from bot.tests.factories import ConversationFactory
from bot.tests.updates import CHAT, buttons, link, message, press, tell, texts
from identity.services.users import user_block

pytestmark = pytest.mark.context("telegram")

TIMEOUT = 1800  # seconds, of the configuration where nothing is published
OPEN_TO_ALL = ("rates", "link", "language", "cancel", "help", "start")
GREETING = {"en": "Hello!", "uk": "Вітаю!", "ru": "Здравствуйте!"}


def said(*updates, **options):
    """The texts of the replies, and of the notices over the chat."""
    return texts(tell(*updates, **options))


def standing():
    row = Conversation.objects.get()
    return Standing.read(row.state, row.context)


# --- Languages


@pytest.mark.parametrize(
    ("telegrams", "spoken"), [("en", "en"), ("uk", "uk"), ("ru", "ru"), ("uk-UA", "uk"), ("de", "en"), ("", "en")]
)
def test_a_stranger_is_answered_in_telegrams_language_if_the_bot_speaks_it(telegrams, spoken):
    assert said(message("/start", language=telegrams))[0].startswith(GREETING[spoken])


def test_the_language_of_a_profile_goes_before_telegrams():
    link(ConversationFactory(telegram_user_id=CHAT), language="uk")
    assert said(message("/start", language="ru"))[0].startswith(GREETING["uk"])


def test_an_account_that_was_unlinked_elsewhere_is_nobodys():
    link(ConversationFactory(telegram_user_id=CHAT), language="uk", telegram_user_id=9)
    assert said(message("/start", language="ru"))[0].startswith(GREETING["ru"])


def test_who_is_blocked_is_told_so_and_is_still_told_the_rates(as_context):
    user = link(ConversationFactory(telegram_user_id=CHAT), language="en")
    said(message("/notifications"))
    assert standing().state != "idle"
    with as_context("admin"):
        user_block(user_id=user.pk)
    blocked = ["Your account is blocked. Please write to our support."]
    assert said(message("/rates")) == blocked  # what was under way has ended
    assert standing().state == "idle"
    assert said(message("/notifications")) == blocked
    assert said(message("/unlink")) == blocked
    assert said(message("/rates")) != blocked
    assert said(message("/help")) != blocked


@pytest.mark.parametrize(("code", "name"), [("en", "English"), ("uk", "Українська"), ("ru", "Русский")])
@pytest.mark.parametrize("linked", [False, True])
def test_the_language_that_is_chosen_in_the_chat_goes_before_all(code, name, linked):
    if linked:
        link(ConversationFactory(telegram_user_id=CHAT), language="ru")
    (asked,) = tell(message("/language", language="uk"))
    button = next(button for button in buttons(asked) if button["text"] == name)
    answer, told = tell(press(button, message_id=77))
    assert (answer.method, told.method, told.payload["message_id"]) == ("answerCallbackQuery", "editMessageText", 77)
    assert "reply_markup" not in told.payload
    assert said(message("/start", language="uk"))[0].startswith(GREETING[code])
    assert standing().state == "idle"


def test_linking_lets_the_profile_decide_until_a_language_is_chosen_anew():
    (asked,) = tell(message("/language", language="en"))
    tell(press(buttons(asked)[2]))
    link(Conversation.objects.get(), language="uk")
    assert said(message("/start", language="en"))[0].startswith(GREETING["uk"])


def test_a_profile_that_names_a_language_or_a_zone_that_is_not_known_does_no_harm():
    link(ConversationFactory(telegram_user_id=CHAT), language="xx", time_zone="Mars/Phobos")
    assert said(message("/start", language="uk"))[0].startswith(GREETING["uk"])


@pytest.mark.parametrize("language", GREETING)
def test_every_command_is_in_help_in_its_language(language):
    (text,) = said(message("/help", language=language))
    named = [line.split(" – ")[0] for line in text.split("\n") if line.startswith("/")]
    assert named == [f"/{each.name}" for each in ENGINE.commands]
    assert {each.name for each in ENGINE.commands if not each.linked} == set(OPEN_TO_ALL)


# --- What was not expected


@pytest.mark.parametrize(
    ("update", "answer"),
    [
        (message("what?"), "did not understand"),
        (message("/nothing at all"), "do not know the command /nothing."),
        (message("/"), "did not understand"),
        (message("/rates/usd"), "did not understand"),
        (message(photo=[]), "read text only"),
        (message(sticker={}), "read text only"),
        (message("/cancel"), "nothing to cancel"),
        (message("/start unknown-code"), "of no use"),
    ],
)
def test_it_is_said_what_is_wrong(update, answer):
    (text,) = said(update)
    assert answer in text


def test_what_nobody_said_is_not_answered():
    assert tell(message(pinned_message={})) == []
    assert tell(message("changed", kind="edited_message")) == []


def test_a_text_of_any_length_and_kind_is_answered():
    for text in ("x" * 4096, "🙂" * 2000, "\n", "{0}", "/x{y}", "/" + "y" * 300, "%s", "<b>"):
        assert len(said(message(text))) == 1


# --- A dialogue of two steps, as the larger ones are


class Exchange:
    """Asks how much, and then whether."""

    def __init__(self):
        self.done = []
        hint = gettext_lazy("Begin")
        self.dialogue = Dialogue(
            "swap",
            {
                "amount": Step(hint, on_text=self.amount),
                "sure": Step(hint, on_press=self.sure),
            },
        )
        command = Command("swap", hint, self.begin)
        self.engine = Engine([*ENGINE.commands, command], [self.dialogue])

    def begin(self, turn, arguments):
        turn.ask(self.dialogue.state("amount"), "How much?", source="USD")

    def amount(self, turn, text):
        rows = [[Button("Yes", "yes"), Button("No", "no")]]
        turn.ask(self.dialogue.state("sure"), f"{text}, sure?", rows, amount=text)

    def sure(self, turn, value):
        self.done.append((turn.data["source"], turn.data["amount"], value))
        turn.end()
        turn.tell("Thank you")
        turn.say("Done.", in_place=True)


@pytest.fixture
def exchange():
    return Exchange()


@pytest.fixture
def talk(exchange):
    return lambda *updates: tell(*updates, engine=exchange.engine)


def test_a_dialogue_goes_from_step_to_step_and_knows_what_was_said(exchange, talk):
    assert texts(talk(message("/swap"))) == ["How much?"]
    (asked,) = talk(message(" 100 "))
    assert asked.payload["text"] == "100, sure?"
    assert texts(talk(press(buttons(asked)[0]))) == ["Thank you", "Done."]
    assert exchange.done == [("USD", "100", "yes")]
    assert (standing().state, standing().data) == ("idle", {})


def test_a_button_that_is_pressed_twice_does_it_once(exchange, talk):
    talk(message("/swap"))
    (asked,) = talk(message("100"))
    first, again = press(buttons(asked)[0]), press(buttons(asked)[0])
    replies = talk(first, again)
    assert [reply.method for reply in replies].count("answerCallbackQuery") == 2
    assert texts(replies)[-1] == "This button is not in use any more."
    assert len(exchange.done) == 1


def test_a_button_of_an_earlier_time_does_nothing(exchange, talk):
    talk(message("/swap"))
    (before,) = talk(message("100"))
    talk(message("/swap"))
    (now,) = talk(message("200"))
    (answer,) = talk(press(buttons(before)[0]))
    assert answer.payload["text"] == "This button is not in use any more."
    assert (exchange.done, standing().state) == ([], "swap.sure")
    talk(press(buttons(now)[1]))
    assert exchange.done == [("USD", "200", "no")]


@pytest.mark.parametrize(
    "data", ["", ":", "yes", ":yes", "{token}:", "{token}:other", "{token}:yes:", "ї:yes", "x" * 64]
)
def test_what_a_button_never_carried_does_nothing(exchange, talk, data):
    talk(message("/swap"))
    talk(message("100"))
    (answer,) = talk(press(data.format(token=standing().token)))
    assert answer.payload["text"] == "This button is not in use any more."
    assert (exchange.done, standing().state) == ([], "swap.sure")


@pytest.mark.parametrize("update", [message("yes"), message(photo=[])])
def test_where_a_press_is_wanted_anything_else_is_told_so_and_the_dialogue_goes_on(exchange, talk, update):
    talk(message("/swap"))
    (asked,) = talk(message("100"))
    (hint,) = texts(talk(update))
    assert hint == "Begin\nTo stop: /cancel"
    talk(press(buttons(asked)[0]))
    assert len(exchange.done) == 1


def test_a_changed_message_is_to_be_sent_again(talk):
    talk(message("/swap"))
    (text,) = texts(talk(message("200", kind="edited_message")))
    assert "send it again" in text
    assert standing().state == "swap.amount"


@pytest.mark.parametrize("steps", [[message("/swap")], [message("/swap"), message("100")]])
def test_cancel_ends_a_dialogue_at_any_point(exchange, talk, steps):
    for step in steps:
        talk(step)
    assert texts(talk(message("/cancel"))) == ["Cancelled. Nothing was done."]
    assert standing().state == "idle"
    assert "did not understand" in texts(talk(message("100")))[0]
    assert exchange.done == []


def test_help_and_rates_leave_a_dialogue_where_it_is_and_other_commands_end_it(talk):
    talk(message("/swap"))
    talk(message("/help"))
    talk(message("/unknown"))
    assert standing().state == "swap.amount"
    talk(message("/start"))
    assert standing().state == "idle"


def time_has_passed(seconds):
    row = Conversation.objects.get()
    row.context["dialogue"]["touched_at"] = (timezone.now() - timedelta(seconds=seconds)).isoformat()
    Conversation.objects.update(context=row.context)


def test_a_dialogue_in_which_nobody_says_anything_ends_and_says_so_at_the_next_word(exchange, talk):
    talk(message("/swap"))
    (asked,) = talk(message("100"))
    time_has_passed(TIMEOUT + 1)
    notice, told = texts(talk(press(buttons(asked)[0])))
    assert notice == "This button is not in use any more."
    assert "stopped waiting" in told
    assert (exchange.done, standing().state) == ([], "idle")


def test_operators_say_how_long_a_dialogue_waits(talk, publish):
    publish(dialogue_timeout_seconds=60)
    talk(message("/swap"))
    time_has_passed(61)
    assert "stopped waiting" in texts(talk(message("100")))[0]


@pytest.mark.parametrize(("language", "word"), [("en", "some work"), ("uk", "технічні"), ("ru", "технические")])
def test_during_maintenance_nothing_else_is_said_and_a_dialogue_stays_where_it_is(talk, publish, language, word):
    talk(message("/swap"))
    publish(maintenance_mode=True)
    for update in (message("/rates", language=language), message("100", language=language)):
        (text,) = texts(talk(update))
        assert word in text
    assert standing().state == "swap.amount"
    publish()
    assert texts(talk(message("100"))) == ["100, sure?"]


def test_a_word_in_time_keeps_a_dialogue_alive(talk):
    talk(message("/swap"))
    time_has_passed(TIMEOUT - 60)
    talk(message("/help"))
    assert timezone.now() - standing().touched_at < timedelta(minutes=1)
    assert "stopped waiting" not in texts(talk(message("100")))[0]


def test_a_command_after_the_time_is_obeyed_too(talk):
    talk(message("/swap"))
    time_has_passed(TIMEOUT + 1)
    told, asked = texts(talk(message("/swap")))
    assert "stopped waiting" in told
    assert asked == "How much?"


def test_a_dialogue_that_a_release_has_taken_away_is_over(talk):
    talk(message("/swap"))
    assert "did not understand" in said(message("100"))[0]  # an engine without it
    assert standing().state == "idle"


@pytest.mark.parametrize("context", [None, [], {}, {"dialogue": None}, {"dialogue": {"token": 1}}, {"dialogue": 7}])
def test_a_context_that_makes_no_sense_is_no_dialogue(talk, context):
    ConversationFactory(telegram_user_id=CHAT, state="swap.sure", context=context)
    assert "did not understand" in texts(talk(message("100")))[0]


def test_a_command_for_linked_people_tells_others_so():
    called = []
    command = Command("mine", gettext_lazy("Begin"), lambda turn, arguments: called.append(turn.person), linked=True)
    own = Engine([*ENGINE.commands, command], [])
    assert "link your account" in said(message("/mine"), engine=own)[0]
    assert called == []
    user = link(Conversation.objects.get(), language="uk", time_zone="Europe/Kyiv")
    tell(message("/mine"), engine=own)
    (person,) = called
    assert (person.user_id, person.zone.key) == (user.pk, "Europe/Kyiv")
    everybodys, mine = said(message("/help"), engine=own)[0].split("\n\nЗ прив'язаним обліковим записом:\n")
    assert "/mine" in mine
    assert "/mine" not in everybodys


def test_a_deep_link_opens_what_has_registered_itself_for_it(monkeypatch):
    monkeypatch.setattr(start, "_openers", [])
    opened = []

    @start.opens_by_link
    def opener(turn, payload):
        if payload != "code":
            return False
        opened.append(payload)
        turn.say("opened")
        return True

    assert said(message("/start code")) == ["opened"]
    assert "of no use" in said(message("/start other"))[0]
    assert said(message("/start"))[0].startswith("Hello!")
    assert opened == ["code"]


# --- The pieces


def test_a_button_must_fit_into_what_telegram_lets_it_carry(exchange):
    turn = Turn(None, None, "en", timezone.now(), Standing())
    with pytest.raises(ValueError, match=str(MOST_CALLBACK_BYTES)):
        turn.ask("swap.sure", "?", [[Button("x", "y" * 60)]])


def test_a_standing_is_read_as_it_was_written():
    person = uuid4()
    written = Standing("swap.sure", "abcd", ("yes",), {"amount": "1"}, datetime(2026, 11, 23, tzinfo=UTC))
    written.choose_language("uk", person)
    assert Standing.read(written.state, written.context) == written
    assert written.chosen_language(person) == "uk"
    assert written.chosen_language(None) == ""


def test_times_are_told_with_their_zone():
    at = datetime(2026, 11, 23, 22, 5, tzinfo=UTC)
    assert moment(at, ZoneInfo("Europe/Kyiv")) == "2026-11-24 00:05 (Europe/Kyiv)"
    assert moment(at, ZoneInfo("UTC")) == "2026-11-23 22:05 (UTC)"
