"""Who is blocked comes in by no way of any application; nobody else notices."""

import pytest
from django.test import Client

from exchanger.kernel.contexts import Context
from identity.models import User
from identity.services.sessions import session_open
from identity.services.telegram import telegram_session_open
from identity.services.users import AccountBlocked, user_block, user_unblock
from identity.tests.accounts import everything, login
from identity.tests.factories import PASSWORD, UserFactory
from identity.tests.init_data import TOKEN, init_data
from web.tests import test_acting as acting

TELEGRAM_ID = acting.TELEGRAM_ID


@pytest.fixture
def person(world):
    return UserFactory(profile__telegram_user_id=TELEGRAM_ID)


@pytest.fixture
def blocked(person, as_context):
    with as_context("admin"):
        user_block(user_id=person.pk)
    return person


def test_a_block_is_effective_at_once_in_the_other_processes_and_so_is_its_end(person, as_context, processes):
    keys = {}
    for user in (person, other := UserFactory(permissions={"admin": ["*"]})):
        for context in Context:
            with as_context(context):
                keys[user.pk, context] = session_open(user=user).session_key

    def told(user, context):
        with processes[context].client() as client:
            headers = {"Authorization": f"Bearer {keys[user.pk, context]}"}
            return client.get("/api/v1/auth/me", headers=headers).status_code

    def log_in():
        with processes[Context.WEB].client() as client:
            sent = {"email": person.email, "password": PASSWORD, "transport": "bearer"}
            return client.post("/api/v1/auth/login", json=sent)

    web = (person, Context.WEB)
    assert (told(*web), told(person, Context.TELEGRAM)) == (200, 200)
    with as_context("admin"):
        user_block(user_id=person.pk)
    assert {told(person, context) for context in Context} == {401}
    assert {told(other, context) for context in (Context.WEB, Context.TELEGRAM)} == {200}
    assert log_in().status_code == 403
    with as_context("admin"):
        user_unblock(user_id=person.pk)
    assert {told(person, context) for context in Context} == {401}
    keys[person.pk, Context.WEB] = log_in().json()["session_key"]
    assert told(*web) == 200


@pytest.mark.context("web")
def test_the_right_password_is_told_of_the_block_and_a_wrong_one_is_not(blocked, world):
    before = everything(world)
    answer = login(blocked.email, PASSWORD)
    assert (answer.status_code, answer.json()) == (
        403,
        {"code": "account_blocked", "message": "This account is blocked: write to our support.", "details": {}},
    )
    assert not answer.cookies
    assert login(blocked.email, "wrong").json()["code"] == "authentication_failed"
    assert everything(world) == before


@pytest.mark.context("web")
def test_the_session_of_a_login_that_raced_the_block_is_nobodys(blocked):
    session = session_open(user=blocked)
    answer = Client().get("/api/v1/auth/me", headers={"Authorization": f"Bearer {session.session_key}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "authentication_failed")


@pytest.mark.context("telegram")
def test_telegram_opens_no_session(blocked, world, settings):
    settings.TELEGRAM_BOT_TOKEN = TOKEN
    before = everything(world)
    sent = {"init_data": init_data(TELEGRAM_ID), "transport": "bearer"}
    answer = Client().post("/api/v1/auth/login", sent, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "account_blocked")
    with pytest.raises(AccountBlocked):
        telegram_session_open(telegram_user_id=TELEGRAM_ID)
    assert everything(world) == before


@pytest.mark.context("web")
def test_the_bot_does_nothing_for_them(blocked, world):
    acting.refused(acting.act(blocked, "GET", acting.ORDERS), "not_linked")
    assert acting.sessions(world) == (0, [])


@pytest.mark.parametrize("context", ["web", "telegram"])
def test_no_other_application_blocks_or_lets_in(context, blocked, as_context, world):
    from django.db import DatabaseError

    with as_context(context), pytest.raises(DatabaseError, match="permission denied"):
        User.objects.filter(pk=blocked.pk).update(blocked_at=None)
    assert world.superuser("identity").execute("SELECT blocked_at IS NOT NULL FROM users").fetchone() == (True,)
