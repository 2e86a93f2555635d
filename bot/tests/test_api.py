"""Conversations and messages of the telegram application, over HTTP."""

import pytest
from django.test import Client

from bot.tests.factories import ConversationFactory, MessageFactory
from identity.services.sessions import session_open
from identity.tests.factories import UserFactory

pytestmark = pytest.mark.context("telegram")


def bearer(user):
    return Client(headers={"Authorization": f"Bearer {session_open(user=user).session_key}"})


def ids(answer):
    return [item["id"] for item in answer.json()["results"]]


def test_a_linked_client_sees_their_own_conversation_and_its_messages_only():
    anna = UserFactory()
    own, foreign = ConversationFactory(user_id=anna.pk), ConversationFactory()
    message = MessageFactory(conversation=own)
    MessageFactory(conversation=foreign)
    client = bearer(anna)
    assert ids(client.get("/api/v1/conversations/")) == [str(own.pk)]
    assert ids(client.get("/api/v1/messages/")) == [str(message.pk)]
    assert ids(client.get(f"/api/v1/messages/?conversation={foreign.pk}")) == []
    assert client.get(f"/api/v1/conversations/{foreign.pk}/").status_code == 404


def test_with_the_permission_in_this_context_one_sees_all():
    ConversationFactory()
    ConversationFactory()
    seer = UserFactory(permissions={"telegram": ["bot.view_all"]})
    assert len(ids(bearer(seer).get("/api/v1/conversations/"))) == 2
    elsewhere = UserFactory(permissions={"admin": ["bot.view_all"], "web": ["*"]})
    assert ids(bearer(elsewhere).get("/api/v1/conversations/")) == []


def test_without_a_session_there_is_nothing_to_see():
    ConversationFactory()
    assert Client().get("/api/v1/conversations/").status_code == 401
