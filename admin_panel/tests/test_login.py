"""Coming into the panel and leaving it."""

import pytest
from django.conf import settings

from identity.services.throttling import LOGIN_ACCOUNT, LOGIN_DEVICE, LOGIN_PAIR
from identity.tests.factories import PASSWORD, UserFactory
from identity.tests.guesses import counters, fail

pytestmark = pytest.mark.context("admin")
LOGIN = "/admin/login/"


def sessions(world):
    return world.superuser("identity").execute("SELECT user_id::text, application_context FROM sessions").fetchall()


def test_an_operator_comes_in_by_email_and_password_in_any_case(visitor, world):
    user = UserFactory(email="operator@example.com", permissions={"admin": ["web.view_order"]})
    answer = visitor.post(LOGIN, {"username": "Operator@Example.com", "password": PASSWORD})
    assert answer["Location"] == "/admin/"
    assert sessions(world) == [(str(user.pk), "admin")]
    assert visitor.get("/admin/").status_code == 200


def test_the_page_that_was_asked_for_comes_after_the_login(visitor):
    UserFactory(email="operator@example.com", permissions={"admin": ["*"]})
    asked = visitor.get("/admin/web/order/")["Location"]
    answer = visitor.post(asked, {"username": "operator@example.com", "password": PASSWORD})
    assert answer["Location"] == "/admin/web/order/"


@pytest.mark.parametrize("permissions", [{}, {"web": ["*"]}, {"telegram": ["*"]}])
def test_a_client_is_told_why_and_nothing_is_left_behind(visitor, everything, permissions):
    UserFactory(email="client@example.com", permissions=permissions)
    before = everything()
    answer = visitor.post(LOGIN, {"username": "client@example.com", "password": PASSWORD})
    assert answer.status_code == 200
    assert "has no permission in the operators&#x27; panel" in answer.text
    assert settings.SESSION_COOKIE_NAME not in answer.cookies
    after = everything()
    assert [key for key in after.pop("redis") if not key.startswith(b"identity:user:admin:")] == before.pop("redis")
    assert after == before


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("operator@example.com", "wrong"),
        ("nobody@example.com", PASSWORD),
        ("operator@example.com", "\x00"),
        ("\x00", "x"),
    ],
)
def test_a_wrong_address_and_a_wrong_password_get_the_same_answer(visitor, everything, email, password):
    UserFactory(email="operator@example.com", permissions={"admin": ["*"]})
    before = everything()
    answer = visitor.post(LOGIN, {"username": email, "password": password})
    assert answer.status_code == 200
    if "\x00" not in email + password:
        assert "The e-mail address or the password is wrong." in answer.text
    assert everything() == before


def test_leaving_ends_the_session_everywhere(operator, world):
    cookie = operator.cookies[settings.SESSION_COOKIE_NAME].value
    assert operator.get("/admin/").status_code == 200
    assert operator.post("/admin/logout/").status_code == 200
    assert sessions(world) == []
    with world.redis() as client:
        assert client.keys("identity:session:*") == []
    operator.cookies[settings.SESSION_COOKIE_NAME] = cookie
    assert operator.get("/admin/")["Location"].startswith(LOGIN)


def test_leaving_takes_a_post(operator, world):
    assert operator.get("/admin/logout/").status_code == 405
    assert len(sessions(world)) == 1


def test_a_session_of_another_application_is_none_here(as_context, visitor):
    from identity.services.sessions import session_open

    with as_context("web"):
        key = session_open(user=UserFactory(permissions={"admin": ["*"], "web": ["*"]})).session_key
    visitor.cookies[settings.SESSION_COOKIE_NAME] = key
    assert visitor.get("/admin/")["Location"].startswith(LOGIN)


def test_who_has_guessed_too_often_is_told_when_to_come_back_and_the_password_is_not_looked_at(
    visitor, everything, world
):
    UserFactory(email="operator@example.com", permissions={"admin": ["*"]})
    for _ in range(LOGIN_PAIR.free):
        visitor.post(LOGIN, {"username": "operator@example.com", "password": "wrong"})
    before = everything(), counters(world)
    answer = visitor.post(LOGIN, {"username": "Operator@example.com", "password": PASSWORD})
    assert answer.status_code == 200
    assert "Too many attempts: try again in " in answer.text
    assert "The e-mail address or the password is wrong." not in answer.text
    assert not {settings.SESSION_COOKIE_NAME, settings.DEVICE_COOKIE_NAME} & set(answer.cookies)
    assert (everything(), counters(world)) == before


def test_an_operators_own_browser_is_not_locked_out_by_others_and_is_held_by_its_own_failures(visitor, world):
    UserFactory(email="operator@example.com", permissions={"admin": ["*"]})
    right = {"username": "operator@example.com", "password": PASSWORD}
    cookie = visitor.post(LOGIN, right).cookies[settings.DEVICE_COOKIE_NAME]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    visitor.post("/admin/logout/")
    fail(LOGIN_ACCOUNT, "operator@example.com")
    assert visitor.post(LOGIN, right)["Location"] == "/admin/"
    visitor.post("/admin/logout/")
    for _ in range(LOGIN_DEVICE.free):
        visitor.post(LOGIN, {**right, "password": "wrong"})
    assert "Too many attempts" in visitor.post(LOGIN, right).text


def test_a_client_whose_password_is_right_is_no_guesser_and_their_browser_is_not_marked(visitor, world):
    UserFactory(email="client@example.com", permissions={"web": ["*"]})
    answer = visitor.post(LOGIN, {"username": "client@example.com", "password": PASSWORD})
    assert settings.DEVICE_COOKIE_NAME not in answer.cookies
    assert counters(world) == {}
