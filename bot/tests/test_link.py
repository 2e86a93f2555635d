"""The chat is linked to an account after its owner has seen whose it is, and unlinked, in words that say what is done.

Whose chat it is, is asked of the identity database at each use; the bot's own note of it follows.
"""

import uuid

import pytest
from django.db import connections

from bot.models import Conversation
from bot.people import find_person
from bot.services.update_handling import update_handle_next
from bot.tests.factories import ConversationFactory
from bot.tests.updates import CHAT, buttons, link, message, press, store, tell, texts
from exchanger.kernel.contexts import ForeignContext
from exchanger.testing import factories
from identity.models import UserProfile
from identity.services.telegram_links import link_code_create, link_confirm, telegram_unlink
from identity.services.throttling import LINK_GUESS
from identity.tests.factories import UserFactory

pytestmark = pytest.mark.context("telegram")
WRONG = "ABCD2345EFGH"
LINKED = {"en": "Your account is linked.", "uk": "прив'язано.", "ru": "привязана."}


@pytest.fixture
def anna():
    return UserFactory(email="anna@example.com")


@pytest.fixture
def code_for(as_context):
    """A code as web gives it out."""

    def make(user):
        with as_context("web"):
            return link_code_create(user_id=user.pk).code

    return make


@pytest.fixture
def code(anna, code_for):
    return code_for(anna)


def said(*updates):
    return texts(tell(*updates))


def state():
    return Conversation.objects.get().state


def owner(chat=CHAT):
    person = find_person(chat)
    return person and person.user_id


def noted():
    return Conversation.objects.get().user_id


def sessions(world):
    return world.superuser("identity").execute("SELECT user_id, application_context FROM sessions").fetchall()


def confirm(code, label=0):
    """The answer in the chat to a button of the question."""
    (asked,) = tell(message(f"/start {code}"))
    return texts(tell(press(buttons(asked)[label])))[-1]


@pytest.mark.parametrize("command", ["/link {}", "/start {}"])
@pytest.mark.parametrize("language", LINKED)
def test_a_code_shows_whose_account_it_is_and_links_it_when_that_is_confirmed(world, anna, code, command, language):
    (asked,) = tell(message(command.format(code), language=language))
    assert "a***@e***.com" in asked.payload["text"]
    assert "anna@" not in asked.payload["text"]
    assert owner() is None
    answer, linked = tell(press(buttons(asked)[0], language=language))
    assert (answer.method, linked.method) == ("answerCallbackQuery", "editMessageText")
    assert LINKED[language] in linked.payload["text"]
    assert (owner(), noted(), state()) == (anna.pk, anna.pk, "idle")
    assert sessions(world) == [(anna.pk, "telegram")]


def test_without_a_code_it_is_asked_for_and_small_letters_and_hyphens_will_do(anna, code):
    assert "send it to me here" in said(message("/link"))[0]
    (asked,) = tell(message(f"{code[:4]}-{code[4:8]} {code[8:]}".lower()))
    tell(press(buttons(asked)[0]))
    assert owner() == anna.pk


def test_who_says_no_links_nothing_and_the_code_stays_good(anna, code):
    assert confirm(code, 1) == "I have linked nothing."
    assert (owner(), state()) == (None, "idle")
    confirm(code)
    assert owner() == anna.pk


def test_a_wrong_code_is_said_to_be_wrong_and_another_can_be_sent(anna, code):
    said(message("/link"))
    (text,) = said(message(WRONG))
    assert text == "This code is wrong, has been used, or has expired. Ask for a new one on the website."
    assert (owner(), state()) == (None, "link.code")
    (asked,) = tell(message(code))
    tell(press(buttons(asked)[0]))
    assert owner() == anna.pk


def test_a_code_that_has_ended_before_it_was_confirmed_links_nothing(anna, code):
    (asked,) = tell(message(f"/start {code}"))
    link_confirm(code=code, telegram_user_id=CHAT + 1)
    assert "wrong, has been used" in texts(tell(press(buttons(asked)[0])))[-1]
    assert (owner(), owner(CHAT + 1), state()) == (None, anna.pk, "idle")


def test_who_guesses_too_often_is_told_how_long_to_wait(code):
    for _ in range(LINK_GUESS.free):
        assert "wrong" in said(message(f"/link {WRONG}"))[0]
    (text,) = said(message(f"/link {code}"))
    assert text.startswith("Too many attempts. Please try again in ")
    assert owner() is None


def test_a_linked_chat_is_told_so(anna, code, code_for):
    confirm(code)
    assert said(message("/link")) == ["This chat is linked to your account already. To end that: /unlink"]
    boris = UserFactory()
    assert said(message(f"/start {code_for(boris)}")) == [
        "This chat is linked to another account. Unlink it first: /unlink"
    ]
    assert owner() == anna.pk


def test_an_account_that_has_another_chat_is_not_linked_to_this_one(anna, code):
    with factories.as_owner():
        UserProfile.objects.update_or_create(user_id=anna.pk, defaults={"telegram_user_id": CHAT + 1})
    assert said(message(f"/start {code}")) == ["This account has another Telegram account. Unlink that one first."]
    assert (owner(), owner(CHAT + 1), state()) == (None, anna.pk, "idle")


def test_a_confirmation_that_is_handled_again_says_the_same(anna, code):
    (asked,) = tell(message(f"/start {code}"))
    link_confirm(code=code, telegram_user_id=CHAT)  # as the press did whose transaction failed
    assert "Your account is linked." in texts(tell(press(buttons(asked)[0])))[-1]
    assert (owner(), noted()) == (anna.pk, anna.pk)


def test_unlinking_is_confirmed_and_ends_the_persons_telegram_sessions(world, anna, code):
    confirm(code)
    (asked,) = tell(message("/unlink"))
    assert "stays linked" in texts(tell(press(buttons(asked)[1])))[-1]
    assert (owner(), len(sessions(world))) == (anna.pk, 1)
    (asked,) = tell(message("/unlink"))
    assert "not linked to this chat any more" in texts(tell(press(buttons(asked)[0])))[-1]
    assert (owner(), noted(), sessions(world), state()) == (None, None, [], "idle")
    assert "link your account first" in said(message("/unlink"))[0]


def test_what_web_unlinks_is_nobodys_chat_at_its_next_word(anna, code, as_context):
    confirm(code)
    tell(message("/unlink"))
    with as_context("web"):
        assert telegram_unlink(user_id=anna.pk)
    (text,) = said(message("yes"))[:1]
    assert "not linked to this chat any more, so I have stopped" in text
    assert (noted(), state()) == (None, "idle")


def test_a_note_that_was_lost_is_made_good_and_its_cached_copy_dropped(world):
    user = link(ConversationFactory(telegram_user_id=CHAT))
    world.superuser("bot").execute("UPDATE conversations SET user_id = %s", (uuid.uuid4(),))
    with world.redis() as redis:
        redis.set(f"cache:telegram:conversations:{CHAT}", "{}", ex=60)
        said(message("/help"))
        assert redis.keys("cache:telegram:conversations:*") == []
    assert noted() == user.pk


def test_whose_chat_it_is_costs_one_statement(django_assert_num_queries):
    link(ConversationFactory(telegram_user_id=CHAT))
    store(message("what?"))
    with django_assert_num_queries(1, connection=connections["identity"]):
        assert update_handle_next()


def test_no_other_application_asks(as_context):
    with as_context("web"), pytest.raises(ForeignContext):
        find_person(CHAT)
