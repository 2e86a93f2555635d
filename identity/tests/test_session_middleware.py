"""The cookie: when it is set, renewed, deleted and left alone, and what responses vary on."""

import json
from http.cookies import SimpleCookie

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings as configured
from django.contrib.sessions.exceptions import SessionInterrupted
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils.http import parse_http_date

from exchanger.kernel.contexts import Context
from identity.middleware import SessionMiddleware
from identity.sessions import SessionStore
from identity.tests.session_contract import both_kinds, both_ways, cached, contents, own, rows, saved

pytestmark = pytest.mark.context("web")

UNKNOWN = "key-of-a-clients-own-making"


def serve(view, key=None, *, way="sync", bearer=None):
    """The response of ``view(session)`` behind the middleware, to a request with ``key`` in its cookie."""
    request = RequestFactory().get("/", headers={"Authorization": f"Bearer {bearer}"} if bearer else None)
    if key is not None:
        request.COOKIES[configured.SESSION_COOKIE_NAME] = key

    def answer(request):
        return view(request.session) or HttpResponse("done")

    async def answer_async(request):
        return await sync_to_async(answer)(request)

    if way == "async":
        return async_to_sync(SessionMiddleware(answer_async))(request)
    return SessionMiddleware(answer)(request)


def paint(session):
    session["shade"] = "red"


def look(session):
    session.get("shade")


def ignore(session):
    pass


@pytest.fixture
def cookie_of(settings):
    return lambda response: response.cookies.get(settings.SESSION_COOKIE_NAME)


# --- setting the cookie


@both_ways
@pytest.mark.parametrize(
    ("context", "name", "samesite", "age"),
    [
        ("web", "exchanger_web_session", "Lax", 24 * 3600),
        ("admin", "exchanger_admin_session", "Strict", 30 * 60),
        ("telegram", "exchanger_telegram_session", "Lax", 24 * 3600),
    ],
)
@pytest.mark.parametrize("secure", [True, False])
def test_the_cookie_is_the_contexts_own(way, context, name, samesite, age, secure, as_context, settings):
    with as_context(context):
        settings.SESSION_COOKIE_SECURE = secure
        response = serve(paint, way=way)
        assert list(response.cookies) == [name]
        cookie = response.cookies[name]
        assert own(SessionStore(cookie.value)) == {"shade": "red"}
    assert (cookie["path"], cookie["domain"]) == ("/", "")
    assert cookie["httponly"] is True
    assert bool(cookie["secure"]) is secure
    assert cookie["samesite"] == samesite
    assert cookie["max-age"] == age
    assert parse_http_date(cookie["expires"]) > 0
    assert response.headers["Vary"] == "Cookie"


def test_path_domain_and_httponly_are_settings(settings, cookie_of):
    settings.SESSION_COOKIE_PATH = "/exchange/"
    settings.SESSION_COOKIE_DOMAIN = "example.com"
    settings.SESSION_COOKIE_HTTPONLY = False
    cookie = cookie_of(serve(paint))
    assert (cookie["path"], cookie["domain"], cookie["httponly"]) == ("/exchange/", "example.com", "")


@both_kinds
@both_ways
def test_a_change_renews_the_cookie_under_the_same_key(kind, way, cookie_of):
    key = saved(kind).session_key
    assert cookie_of(serve(paint, key, way=way)).value == key
    assert own(SessionStore(key)) == {"shade": "red"}


@both_kinds
@pytest.mark.parametrize(("view", "vary"), [(look, "Cookie"), (ignore, None)])
def test_without_a_change_there_is_no_cookie_and_only_access_varies(kind, view, vary, world):
    key = saved(kind, shade="red").session_key
    before = contents(world)
    response = serve(view, key)
    assert not response.cookies
    assert response.headers.get("Vary") == vary
    assert contents(world) == before


def test_a_visitor_without_a_cookie_who_changes_nothing_gets_none(world):
    for view in (look, ignore):
        assert not serve(view).cookies
    assert contents(world) == ({}, {})


def test_a_clients_own_key_is_replaced(cookie_of, world):
    given = cookie_of(serve(paint, UNKNOWN)).value
    assert given != UNKNOWN
    assert own(SessionStore(given)) == {"shade": "red"}
    assert list(SessionStore(UNKNOWN).items()) == []
    assert len(contents(world)[1]) == 1


@both_kinds
@both_ways
@pytest.mark.parametrize("status", [500, 503])
def test_a_server_error_saves_nothing_and_sets_no_cookie(kind, way, status, world):
    key = saved(kind, shade="blue").session_key
    before = contents(world)

    def fail(session):
        paint(session)
        return HttpResponse(status=status)

    for sent in (key, None):
        response = serve(fail, sent, way=way)
        assert not response.cookies
        assert response.headers["Vary"] == "Cookie"
    assert contents(world) == before


@pytest.mark.parametrize("status", [302, 404])
def test_any_other_answer_saves(status, cookie_of):
    def answer(session):
        paint(session)
        return HttpResponse(status=status)

    assert own(SessionStore(cookie_of(serve(answer)).value)) == {"shade": "red"}


# --- how long the cookie lives


@pytest.mark.parametrize("how", ["setting", "session"])
def test_at_the_browsers_close_the_cookie_has_no_end(how, settings, cookie_of):
    settings.SESSION_EXPIRE_AT_BROWSER_CLOSE = how == "setting"

    def view(session):
        paint(session)
        if how == "session":
            session.set_expiry(0)

    cookie = cookie_of(serve(view))
    assert (cookie["max-age"], cookie["expires"]) == ("", "")


def test_a_custom_end_is_the_cookies_too(cookie_of):
    assert cookie_of(serve(lambda session: session.set_expiry(90)))["max-age"] == 90


@both_kinds
@both_ways
def test_saving_on_every_request_renews_session_and_cookie(kind, way, settings, cookie_of, world):
    settings.SESSION_SAVE_EVERY_REQUEST = True
    key = saved(kind, shade="red").session_key
    before = cached(world, key)
    assert cookie_of(serve(ignore, key, way=way)).value == key
    after = cached(world, key)
    assert after["expiresAt"] > before["expiresAt"]
    assert after["shade"] == "red"


def test_saving_on_every_request_starts_no_session_for_a_stranger(settings, world):
    settings.SESSION_SAVE_EVERY_REQUEST = True
    assert not serve(look).cookies
    assert contents(world) == ({}, {})


def test_saving_on_every_request_does_not_take_a_clients_own_key(settings, cookie_of):
    settings.SESSION_SAVE_EVERY_REQUEST = True
    assert cookie_of(serve(ignore, UNKNOWN)).value != UNKNOWN
    assert list(SessionStore(UNKNOWN).items()) == []


# --- emptying


@both_kinds
@both_ways
def test_a_flushed_session_deletes_the_cookie_with_its_own_attributes(kind, way, settings, cookie_of, world):
    settings.SESSION_COOKIE_DOMAIN = "example.com"
    settings.SESSION_COOKIE_PATH = "/exchange/"
    response = serve(lambda session: session.flush(), saved(kind).session_key, way=way)
    cookie = cookie_of(response)
    assert (cookie.value, cookie["max-age"], cookie["expires"]) == ("", 0, "Thu, 01 Jan 1970 00:00:00 GMT")
    assert (cookie["domain"], cookie["path"], cookie["samesite"]) == ("example.com", "/exchange/", "Lax")
    assert response.headers["Vary"] == "Cookie"
    assert contents(world) == ({}, {})


def test_a_dead_cookie_is_deleted_once_somebody_looks(cookie_of):
    assert cookie_of(serve(look, UNKNOWN)).value == ""
    assert cookie_of(serve(ignore, UNKNOWN)) is None


def test_flushing_without_a_cookie_sets_none(world):
    response = serve(lambda session: session.flush())
    assert not response.cookies
    assert response.headers["Vary"] == "Cookie"
    assert contents(world) == ({}, {})


@both_kinds
def test_a_session_whose_data_is_cleared_keeps_its_key(kind, cookie_of):
    key = saved(kind, shade="red").session_key

    def view(session):
        session.pop("shade")
        session["size"] = 3

    assert cookie_of(serve(view, key)).value == key
    assert own(SessionStore(key)) == {"size": 3}


def test_logging_out_by_emptying_makes_the_row_an_anonymous_session_under_another_key(cookie_of, world):
    key = saved("person", shade="red").session_key
    given = cookie_of(serve(lambda session: session.clear(), key)).value
    assert given not in ("", key)
    assert rows(world) == {}
    assert list(SessionStore(key).items()) == []


# --- a session ended meanwhile


@both_kinds
@both_ways
def test_a_session_ended_meanwhile_interrupts_and_stays_ended(kind, way, world):
    key = saved(kind).session_key

    def view(session):
        paint(session)
        SessionStore(key).flush()

    with pytest.raises(SessionInterrupted):
        serve(view, key, way=way)
    assert contents(world) == ({}, {})


@both_kinds
@pytest.mark.parametrize("by", ["cookie", "bearer"])
def test_the_interruption_is_answered_400_without_a_cookie(kind, by, settings, world):
    key = saved(kind).session_key

    def view(request):
        paint(request.session)
        SessionStore(key).flush()
        return HttpResponse("done")

    headers = {"Authorization": f"Bearer {key}"} if by == "bearer" else None
    request = RequestFactory().get("/api/v1/auth/me", headers=headers)
    if by == "cookie":
        request.COOKIES[settings.SESSION_COOKIE_NAME] = key
    response = convert_exception_to_response(SessionMiddleware(view))(request)
    assert response.status_code == 400
    assert json.loads(response.content)["code"] == "session_ended"
    assert response.cookies == SimpleCookie()
    assert contents(world) == ({}, {})


# --- bearer keys


@both_kinds
@both_ways
@pytest.mark.parametrize("context", list(Context))
def test_a_bearer_key_is_served_without_cookies(kind, way, context, as_context):
    with as_context(context):
        key = saved(kind).session_key
        response = serve(paint, bearer=key, way=way)
        assert not response.cookies
        assert own(SessionStore(key)) == {"shade": "red"}


def test_a_bearer_key_goes_before_the_cookie():
    cookies, bearers = saved("person", shade="blue"), saved("person")
    response = serve(paint, cookies.session_key, bearer=bearers.session_key)
    assert not response.cookies
    assert own(SessionStore(cookies.session_key)) == {"shade": "blue"}
    assert own(SessionStore(bearers.session_key)) == {"shade": "red"}


@pytest.mark.parametrize("view", [look, lambda session: session.flush()], ids=["read", "flush"])
def test_a_bearer_request_neither_sets_nor_deletes_a_cookie(view):
    for bearer in (saved("person").session_key, UNKNOWN):
        assert not serve(view, "a-cookie-beside-the-bearer-key", bearer=bearer).cookies


@pytest.mark.parametrize("view", [look, ignore])
def test_a_bearer_request_that_changes_nothing_saves_nothing(view, world):
    key = saved("person", shade="red").session_key
    before = contents(world)
    serve(view, bearer=key)
    assert contents(world) == before


def test_a_bearer_request_that_fails_saves_nothing(world):
    key = saved("person", shade="blue").session_key
    before = contents(world)

    def fail(session):
        paint(session)
        return HttpResponse(status=500)

    serve(fail, bearer=key)
    assert contents(world) == before
