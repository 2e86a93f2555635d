"""Whose chat it is, is asked of the identity database each time; the bot's own note of it follows."""

import uuid

import pytest
from django.db import connections

from bot.services.linking import chat_link, chat_person, chat_unlink
from bot.tests.factories import ConversationFactory
from exchanger.kernel.contexts import ForeignContext
from identity.services.telegram_links import LinkRefused, link_code_create, telegram_unlink
from identity.tests.factories import UserFactory

pytestmark = pytest.mark.context("telegram")
CHAT = 5001


@pytest.fixture
def anna():
    return UserFactory()


@pytest.fixture
def code(anna, as_context):
    with as_context("web"):
        return link_code_create(user_id=anna.pk).code


def noted(world, chat=CHAT):
    found = world.superuser("bot").execute("SELECT user_id FROM conversations WHERE telegram_user_id = %s", (chat,))
    return [user_id for (user_id,) in found]


def cached(world):
    with world.redis() as redis:
        return redis.keys("cache:telegram:conversations:*")


def test_linking_and_unlinking_a_chat_are_noted_with_its_conversation(world, anna, code):
    ConversationFactory(telegram_user_id=CHAT)
    other = ConversationFactory(user_id=uuid.uuid4())
    assert chat_person(telegram_user_id=CHAT) is None
    assert chat_link(code=code, telegram_user_id=CHAT).user_id == anna.pk
    assert noted(world) == [anna.pk]
    assert chat_person(telegram_user_id=CHAT) == anna.pk
    assert chat_unlink(telegram_user_id=CHAT)
    assert noted(world) == [None]
    assert not chat_unlink(telegram_user_id=CHAT)
    assert noted(world, other.telegram_user_id) == [other.user_id]


def test_a_chat_without_a_conversation_is_linked_too(world, anna, code):
    chat_link(code=code, telegram_user_id=CHAT)
    assert chat_person(telegram_user_id=CHAT) == anna.pk
    assert noted(world) == []


def test_what_web_unlinks_is_nobodys_chat_at_its_next_use(world, anna, code, as_context):
    ConversationFactory(telegram_user_id=CHAT)
    chat_link(code=code, telegram_user_id=CHAT)
    with as_context("web"):
        assert telegram_unlink(user_id=anna.pk)
    assert chat_person(telegram_user_id=CHAT) is None
    assert noted(world) == [None]


def test_a_note_that_was_lost_is_made_good_and_its_cached_copy_dropped(world, anna):
    UserFactory(profile__telegram_user_id=CHAT + 1)
    world.superuser("identity").execute(
        "UPDATE user_profiles SET telegram_user_id = %s WHERE user_id = %s", (CHAT, anna.pk)
    )
    ConversationFactory(telegram_user_id=CHAT, user_id=uuid.uuid4())
    with world.redis() as redis:
        redis.set(f"cache:telegram:conversations:{CHAT}", "{}", ex=60)
    assert chat_person(telegram_user_id=CHAT) == anna.pk
    assert (noted(world), cached(world)) == ([anna.pk], [])


def test_a_chat_in_use_costs_a_statement_on_either_side(anna, code, django_assert_num_queries):
    ConversationFactory(telegram_user_id=CHAT)
    chat_link(code=code, telegram_user_id=CHAT)
    with (
        django_assert_num_queries(1, connection=connections["identity"]),
        django_assert_num_queries(1, connection=connections["bot"]),
    ):
        chat_person(telegram_user_id=CHAT)


def test_a_refused_code_notes_nothing(world, code):
    ConversationFactory(telegram_user_id=CHAT)
    with pytest.raises(LinkRefused):
        chat_link(code="ABCD2345EFGH", telegram_user_id=CHAT)
    assert noted(world) == [None]
    assert code


def test_no_other_application_asks(as_context):
    with as_context("web"):
        for attempt in (chat_person, chat_unlink):
            with pytest.raises(ForeignContext):
                attempt(telegram_user_id=CHAT)
