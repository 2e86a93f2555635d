"""Changing a password one knows and replacing a lost one: what goes on, what ends, and that it happens once."""

from datetime import datetime

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from exchanger.testing import factories
from identity import backends
from identity.models import User
from identity.services.sessions import session_open
from identity.services.users import user_check_password, user_set_password
from identity.session_values import stored_id
from identity.tests.accounts import (
    AUTH,
    NEW_PASSWORD,
    aged,
    bearer,
    client_of,
    everything,
    in_threads,
    is_logged_in,
    is_the_one_shape,
    login,
    post,
    token,
)
from identity.tests.factories import PASSWORD, UserFactory
from identity.tokens import RESET, VERIFICATION

web = pytest.mark.context("web")
CHANGE, CONFIRM = "password/change", "password/reset/confirm"


def change(client, current=PASSWORD, new=NEW_PASSWORD):
    return post(CHANGE, {"current_password": current, "new_password": new}, client)


# --- Changing it


@web
def test_a_change_keeps_this_session_under_a_new_key_and_ends_the_others_and_says_so_by_mail(world, read_mail):
    user = UserFactory()
    here, there = bearer(user), bearer(user)
    stranger = bearer(UserFactory())
    for client in (here, there, stranger):
        assert is_logged_in(client)
    answer = change(here)
    assert answer.status_code == 200
    said = answer.json()
    assert said["user"]["id"] == str(user.pk)
    assert is_logged_in(client_of(said["session_key"]))
    assert not is_logged_in(here)  # the old key
    assert not is_logged_in(there)
    assert is_logged_in(stranger)
    assert len(everything(world)["sessions"]) == 2
    assert login(user.email, PASSWORD).status_code == 401
    assert login(user.email, NEW_PASSWORD).status_code == 200
    [message] = read_mail()
    assert (message.to, message.subject) == ([user.email], "Your password was changed")
    assert "http" not in message.body


@web
def test_the_answer_to_a_change_says_when_the_session_really_ends(settings, world):
    settings.SESSION_ABSOLUTE_AGE = settings.SESSION_COOKIE_AGE
    here = bearer(UserFactory())
    world.superuser("identity").execute("UPDATE sessions SET created_at = created_at - interval '1 hour'")
    with world.redis() as client:
        client.flushall()
    said = change(here).json()
    [ends] = world.superuser("identity").execute("SELECT expires_at FROM sessions").fetchone()
    assert datetime.fromisoformat(said["expires_at"]) == ends


@web
def test_a_login_with_a_password_that_is_changed_meanwhile_opens_nothing(monkeypatch):
    user = User.objects.get(pk=UserFactory().pk)

    def changed_meanwhile(**given):
        right = user_check_password(**given)
        user_set_password(user=user, password=NEW_PASSWORD)
        return right

    with monkeypatch.context() as patched:
        patched.setattr(backends, "user_check_password", changed_meanwhile)
        key = login(user.email, PASSWORD).json()["session_key"]
    assert not is_logged_in(client_of(key))
    assert is_logged_in(client_of(login(user.email, NEW_PASSWORD).json()["session_key"]))


@web
def test_a_cookie_session_goes_on_with_a_new_cookie_and_without_a_key_in_the_answer():
    user, client = UserFactory(), Client()
    client.post(AUTH + "login", {"email": user.email, "password": PASSWORD}, content_type="application/json")
    before = client.cookies["exchanger_web_session"].value
    sent = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    answer = client.post(AUTH + CHANGE, sent, content_type="application/json")
    assert answer.json()["session_key"] is None
    assert client.cookies["exchanger_web_session"].value != before
    assert client.get(AUTH + "me").status_code == 200
    client.cookies["exchanger_web_session"] = before
    assert client.get(AUTH + "me").status_code == 401


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("changed_in", ["web", "admin"])
def test_a_change_in_one_application_ends_the_sessions_of_all_three(changed_in, as_context):
    user = UserFactory(permissions={"admin": ["*"]})
    clients = {}
    for context in ("web", "admin", "telegram"):
        with as_context(context):
            clients[context] = bearer(user)
            assert is_logged_in(clients[context])
    with as_context(changed_in):
        assert change(clients[changed_in]).status_code == 200
    for context, client in clients.items():
        with as_context(context):
            assert not is_logged_in(client), context


@pytest.mark.context("admin")
def test_an_operators_change_is_told_by_the_operators_own_worker(read_mail, world):
    user = UserFactory(permissions={"admin": ["*"]})
    answer = change(bearer(user))
    assert answer.status_code == 200
    assert answer.json()["user"]["permissions"] == ["*"]
    assert [message.to for message in read_mail()] == [[user.email]]
    assert everything(world)["jobs"] == []  # of web's queue


@web
@pytest.mark.parametrize(
    ("current", "new", "field"),
    [
        ("not the password", NEW_PASSWORD, "current_password"),
        ("", NEW_PASSWORD, "current_password"),
        (PASSWORD, "short", "new_password"),
        (PASSWORD, "", "new_password"),
        (PASSWORD, "x" * 1025, "new_password"),
    ],
)
def test_a_refused_change_changes_nothing(current, new, field, world):
    user = UserFactory()
    here, there = bearer(user), bearer(user)
    is_logged_in(here)
    before = everything(world)
    assert is_the_one_shape(change(here, current, new), field)
    assert everything(world) == before
    assert is_logged_in(here)
    assert is_logged_in(there)


@web
def test_a_password_like_the_address_is_refused():
    user = UserFactory(email="katharina.brandt@example.com")
    assert is_the_one_shape(change(bearer(user), new="katharina.brandt"), "new_password")


@web
def test_a_change_needs_a_session(world):
    before = everything(world)
    assert change(APIClient()).status_code == 401
    assert everything(world) == before


@web
def test_a_change_costs_the_same_however_many_sessions_it_ends(django_assert_num_queries):
    costs = set()
    for others in (1, 7):
        user = UserFactory()
        here = bearer(user)
        for _ in range(others):
            bearer(user)
        is_logged_in(here)
        with (
            CaptureQueriesContext(connections["identity"]) as sent,
            django_assert_num_queries(1, connection=connections["web"]),
        ):
            assert change(here).status_code == 200
        costs.add(len(sent))
    assert len(costs) == 1
    assert max(costs) <= 21  # four of them are the session's own, which gets a new key


@web
def test_of_two_changes_at_once_the_second_finds_its_current_password_wrong(world):
    user = UserFactory()
    clients = [bearer(user), bearer(user)]
    answers = in_threads(
        lambda: change(clients[0], new="first new password"), lambda: change(clients[1], new="second new password")
    )
    codes = sorted(answer.status_code for answer in answers)
    assert codes in ([200, 400], [200, 401])  # 401: the first had ended the second's session already
    assert len(everything(world)["sessions"]) == 1


@pytest.mark.context("telegram")
def test_the_telegram_application_has_no_password_routes(world):
    client = bearer(UserFactory())
    before = everything(world)
    assert change(client).status_code == 404
    assert everything(world) == before


@pytest.mark.usefixtures("world")
def test_a_telegram_session_is_tied_to_the_moment_of_the_password(as_context, world):
    user = UserFactory()
    with as_context("telegram"):
        key = session_open(user=user).session_key
        assert is_logged_in(client_of(key))
    user_set_password(user=user, password=NEW_PASSWORD)  # in maintenance: the keys wait for an application
    world.redis().flushall()
    with as_context("telegram"):
        assert not is_logged_in(client_of(key))
        assert is_logged_in(client_of(session_open(user=user).session_key))


# --- Replacing a lost one


@web
def test_a_lost_password_is_replaced_by_mail_once_and_ends_every_session(world, read_mail):
    user = UserFactory(email_verified=False)
    clients = [bearer(user), bearer(user)]
    stranger = bearer(UserFactory())
    assert post("password/reset", {"email": user.email.upper()}).status_code == 202
    assert all(is_logged_in(client) for client in clients)  # to ask changes nothing
    [message] = read_mail()
    assert message.to == [user.email]
    sent = {"token": token(message), "password": NEW_PASSWORD}
    answer = post(CONFIRM, sent)
    assert (answer.status_code, answer.content) == (204, b"")
    assert not answer.cookies
    assert not any(is_logged_in(client) for client in clients)
    assert is_logged_in(stranger)
    assert login(user.email, PASSWORD).status_code == 401
    assert login(user.email, NEW_PASSWORD).json()["user"]["email_verified"] is True
    assert [message.subject for message in read_mail()] == ["Your password was changed"]
    before = everything(world)
    assert is_the_one_shape(post(CONFIRM, {**sent, "password": "yet another one"}), "token")
    assert everything(world) == before


@web
def test_an_unknown_address_gets_the_same_answer_and_no_mail(read_mail, django_assert_num_queries):
    answers = []
    for email in (UserFactory().email, "nobody@example.com"):
        with (
            django_assert_num_queries(1, connection=connections["identity"]),
            django_assert_num_queries(1, connection=connections["web"]),
        ):
            answers.append(post("password/reset", {"email": email}))
    assert {(answer.status_code, answer.content) for answer in answers} == {(202, answers[0].content)}
    assert len(read_mail()) == 1


@web
def test_an_account_that_no_password_opens_gets_one_by_mail(read_mail):
    user = UserFactory(password="!")
    post("password/reset", {"email": user.email})
    [message] = read_mail()
    assert post(CONFIRM, {"token": token(message), "password": NEW_PASSWORD}).status_code == 204
    assert login(user.email, NEW_PASSWORD).status_code == 200


@web
def test_a_weak_password_is_refused_and_the_token_stays_good(world):
    user = UserFactory()
    client = bearer(user)
    is_logged_in(client)
    sent = {"token": RESET.make(User.objects.get(pk=user.pk))}
    before = everything(world)
    assert is_the_one_shape(post(CONFIRM, {**sent, "password": "short"}), "password")
    assert everything(world) == before
    assert post(CONFIRM, {**sent, "password": NEW_PASSWORD}).status_code == 204


def dead_tokens():
    return {
        "too old": lambda user: aged(RESET, user, RESET.seconds + 5),
        "of another purpose": VERIFICATION.make,
        "cut": lambda user: RESET.make(user)[:-1],
        "before a change": before_a_change,
        "before a new address": before_a_new_address,
        "no token": lambda user: "nonsense",
    }


def before_a_change(user):
    made = RESET.make(user)
    user_set_password(user=user, password="in the meantime")
    return made


def before_a_new_address(user):
    made = RESET.make(user)
    with factories.as_owner():  # web may not
        User.objects.filter(pk=user.pk).update(email="other@example.com")
    return made


@web
@pytest.mark.parametrize("kind", dead_tokens())
def test_a_dead_token_replaces_nothing(kind, world):
    user = User.objects.get(pk=UserFactory().pk)
    client = bearer(user)
    is_logged_in(client)
    sent = dead_tokens()[kind](user)
    before = everything(world)
    assert is_the_one_shape(post(CONFIRM, {"token": sent, "password": NEW_PASSWORD}), "token")
    assert everything(world) == before


@web
def test_of_two_uses_of_one_token_at_once_one_wins(world):
    user = User.objects.get(pk=UserFactory().pk)
    sent = RESET.make(user)
    passwords = ["first new password", "second new password"]
    answers = in_threads(*(lambda word=word: post(CONFIRM, {"token": sent, "password": word}) for word in passwords))
    assert sorted(answer.status_code for answer in answers) == [204, 400]
    winner = passwords[[answer.status_code for answer in answers].index(204)]
    assert [login(user.email, word).status_code for word in passwords] == [
        200 if word == winner else 401 for word in passwords
    ]


@web
def test_a_reset_costs_the_same_however_many_sessions_it_ends(django_assert_num_queries):
    for sessions in (1, 7):
        user = User.objects.get(pk=UserFactory().pk)
        for _ in range(sessions):
            bearer(user)
        with django_assert_num_queries(17, connection=connections["identity"]):
            assert post(CONFIRM, {"token": RESET.make(user), "password": NEW_PASSWORD}).status_code == 204


@web
def test_the_sessions_of_other_applications_keep_their_rows_and_open_nothing(as_context, world):
    user = UserFactory(permissions={"admin": ["*"]})
    with as_context("admin"):
        operator = bearer(user)
        assert is_logged_in(operator)
    assert (
        post(CONFIRM, {"token": RESET.make(User.objects.get(pk=user.pk)), "password": NEW_PASSWORD}).status_code == 204
    )
    with as_context("admin"):
        assert not is_logged_in(operator)


# --- Logging in


@web
@pytest.mark.parametrize("stored", ["argon2", "unusable", "nobody"])
def test_a_refused_login_costs_the_same_hashing_whoever_was_meant(stored, hashes, world):
    made = {"argon2": UserFactory, "unusable": lambda: UserFactory(password="!"), "nobody": UserFactory.build}
    user = made[stored]()
    before = everything(world)
    hashes.done()
    answer = login(user.email, "not the password")
    assert hashes.done() == 1
    assert answer.status_code == 401
    assert answer.json()["message"] == "The e-mail address or the password is wrong."
    assert everything(world) == before


@web
def test_the_id_of_a_session_opens_nothing():
    assert not is_logged_in(client_of(stored_id(session_open(user=UserFactory()).session_key)))
