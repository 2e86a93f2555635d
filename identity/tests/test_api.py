"""Logging in, staying logged in and logging out, over HTTP, in each context."""

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client
from rest_framework.test import APIClient

from identity.sessions import SessionStore
from identity.tests.factories import PASSWORD, UserFactory

LOGIN, LOGOUT = "/api/v1/auth/login", "/api/v1/auth/logout"
JSON = "application/json"


def log_in(client, user, password=PASSWORD, **extra):
    return client.post(LOGIN, {"email": user.email, "password": password, **extra}, content_type=JSON)


def stored(world):
    rows = world.superuser("identity").execute("SELECT count(*) FROM sessions").fetchone()[0]
    with world.redis() as client:
        return rows, sorted(client.keys("identity:session:*"))


@pytest.mark.context("web")
def test_a_bearer_login_gives_a_key_that_opens_the_account_and_sets_no_cookie():
    user = UserFactory()
    answer = log_in(Client(), user, transport="bearer")
    assert answer.status_code == 200
    assert not answer.cookies
    key = answer.json()["session_key"]
    me = Client().get("/api/v1/auth/me", headers={"Authorization": f"Bearer {key}"})
    assert me.json() == {"id": str(user.pk), "email": user.email, "email_verified": True, "permissions": []}


@pytest.mark.context("web")
def test_a_login_that_comes_with_a_bearer_key_gives_another_key_and_ends_nothing():
    here = {"Authorization": f"Bearer {log_in(Client(), UserFactory(), transport='bearer').json()['session_key']}"}
    user = UserFactory()
    said = Client().post(LOGIN, {"email": user.email, "password": PASSWORD}, content_type=JSON, headers=here).json()
    there = {"Authorization": f"Bearer {said['session_key']}"}
    assert Client().get("/api/v1/auth/me", headers=there).json()["email"] == user.email
    assert Client().get("/api/v1/auth/me", headers=here).status_code == 200


@pytest.mark.context("web")
def test_a_cookie_login_sets_the_contexts_own_cookies_and_hides_the_key():
    client = Client()
    answer = log_in(client, UserFactory())
    assert answer.json()["session_key"] is None
    assert set(answer.cookies) == {"exchanger_web_session", "exchanger_web_csrf", "exchanger_web_device"}
    cookie = answer.cookies["exchanger_web_session"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert client.get("/api/v1/auth/me").status_code == 200


@pytest.mark.context("web")
def test_a_cookie_session_needs_the_csrf_token_to_write_and_without_it_nothing_ends(world):
    client = Client(enforce_csrf_checks=True)
    log_in(client, UserFactory())
    before = stored(world)
    refused = client.post(LOGOUT, content_type=JSON)
    assert refused.status_code == 403
    assert stored(world) == before
    token = client.cookies["exchanger_web_csrf"].value
    assert client.post(LOGOUT, content_type=JSON, headers={"X-CSRFToken": token}).status_code == 204
    assert stored(world) == (0, [])


@pytest.mark.context("web")
@pytest.mark.parametrize("known", [True, False])
def test_a_wrong_password_and_an_unknown_address_get_the_same_refusal_and_leave_nothing(known, world):
    user = UserFactory() if known else UserFactory.build()
    answer = log_in(Client(), user, password="not the password")
    assert answer.status_code == 401
    assert answer.json() == {
        "code": "authentication_failed",
        "message": "The e-mail address or the password is wrong.",
        "details": {},
    }
    assert not answer.cookies
    assert stored(world) == (0, [])


@pytest.mark.context("web")
def test_the_address_is_matched_without_regard_to_case():
    user = UserFactory(email="anna@example.com")
    user.email = "ANNA@Example.com"
    assert log_in(Client(), user).status_code == 200


@pytest.mark.context("web")
def test_logging_out_ends_the_session_for_every_copy_of_its_key(world):
    user = UserFactory()
    key = log_in(Client(), user, transport="bearer").json()["session_key"]
    headers = {"Authorization": f"Bearer {key}"}
    assert Client().post(LOGOUT, headers=headers).status_code == 204
    assert stored(world) == (0, [])
    answer = Client().get("/api/v1/auth/me", headers=headers)
    assert answer.status_code == 401
    assert answer.json()["code"] == "authentication_failed"
    assert stored(world)[0] == 0


@pytest.mark.context("web")
def test_an_anonymous_session_lives_in_redis_alone_and_becomes_a_row_under_a_new_key_at_login(world):
    session = SessionStore()
    session["basket"] = ["USD"]
    session.save()
    anonymous_key = session.session_key
    rows, keys = stored(world)
    assert (rows, len(keys)) == (0, 1)
    user = UserFactory()
    session[SESSION_KEY] = str(user.pk)
    session.save()
    assert session.session_key != anonymous_key
    assert stored(world)[0] == 1
    assert len(stored(world)[1]) == 1
    assert SessionStore(session.session_key)["basket"] == ["USD"]
    assert dict(SessionStore(anonymous_key).items()) == {}


@pytest.mark.context("admin")
def test_the_operators_panel_refuses_an_account_without_a_permission_there_and_opens_no_session(world):
    client = UserFactory(permissions={"web": ["*"]})
    answer = log_in(Client(), client)
    assert answer.status_code == 403
    assert answer.json()["code"] == "permission_denied"
    assert stored(world) == (0, [])
    assert log_in(Client(), UserFactory(permissions={"admin": ["web.view_order"]})).status_code == 200


@pytest.mark.context("telegram")
def test_the_telegram_application_takes_no_password(world):
    answer = log_in(Client(), UserFactory())
    assert answer.status_code == 400
    assert set(answer.json()["details"]) == {"init_data"}
    assert stored(world) == (0, [])


@pytest.mark.context("web")
@pytest.mark.parametrize(
    "sent", [{}, {"email": "x"}, {"email": "a@b.c", "password": "\0"}, {"email": "a@b.c", "password": 7}, [], "text"]
)
def test_a_malformed_login_is_a_400_or_401_in_the_one_shape_and_leaves_nothing(sent, world):
    answer = APIClient().post(LOGIN, sent, format="json")
    assert answer.status_code in (400, 401)
    assert set(answer.json()) == {"code", "message", "details"}
    assert stored(world) == (0, [])
