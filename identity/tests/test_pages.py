"""The pages that mails lead to: to open one changes nothing, its form does, and it speaks the reader's language."""

import pytest
from django.contrib.staticfiles import finders
from django.db import connections
from django.test import Client

from exchanger.kernel.content_policy import PAGE_POLICY
from identity.models import User
from identity.tests.accounts import NEW_PASSWORD, bearer, everything, is_logged_in, login
from identity.tests.factories import PASSWORD, UserFactory
from identity.tokens import RESET, VERIFICATION

pytestmark = pytest.mark.context("web")
VERIFY, RESET_PAGE = "/account/verify", "/account/reset"


@pytest.fixture
def user():
    return User.objects.get(pk=UserFactory(email_verified=False).pk)


def form(client, page, **sent):
    """Post a page's form as the browser that got it would."""
    csrf = client.cookies["exchanger_web_csrf"].value
    return client.post(page, {"csrfmiddlewaretoken": csrf, **sent})


def test_a_link_that_a_scanner_follows_changes_nothing_and_reads_nothing(user, world, django_assert_num_queries):
    session = bearer(user)
    is_logged_in(session)
    before = everything(world)
    for page, purpose in ((VERIFY, VERIFICATION), (RESET_PAGE, RESET)):
        for method in ("get", "head"):
            with django_assert_num_queries(0, connection=connections["identity"]):
                answer = getattr(Client(), method)(page, {"token": purpose.make(user)})
            assert answer.status_code == 200
    assert everything(world) == before


def test_the_address_is_confirmed_by_the_pages_form_and_may_be_twice(user):
    client, token = Client(enforce_csrf_checks=True), VERIFICATION.make(user)
    page = client.get(VERIFY, {"token": token})
    assert token in page.content.decode()
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert "no-store" in page.headers["Cache-Control"]
    for _ in range(2):
        done = form(client, VERIFY, token=token)
        assert done.status_code == 200
        assert "your e-mail address is confirmed" in done.content.decode()
        assert "<form" not in done.content.decode()
    user.refresh_from_db()
    assert user.email_verified


def test_a_new_password_is_set_by_the_pages_form_once(user):
    session = bearer(user)
    client, token = Client(enforce_csrf_checks=True), RESET.make(user)
    client.get(RESET_PAGE, {"token": token})
    weak = form(client, RESET_PAGE, token=token, password="short")
    assert weak.status_code == 400
    assert "too short" in weak.content.decode()
    assert form(client, RESET_PAGE, token=token, password=NEW_PASSWORD).status_code == 200
    assert not is_logged_in(session)
    assert login(user.email, NEW_PASSWORD).status_code == 200
    again = form(client, RESET_PAGE, token=token, password="yet another one")
    assert again.status_code == 400
    assert "This link has expired" in again.content.decode()
    assert login(user.email, NEW_PASSWORD).status_code == 200


@pytest.mark.parametrize(
    ("page", "sent"),
    [
        (VERIFY, {}),
        (VERIFY, {"token": "<script>"}),
        (VERIFY, {"token": "\0"}),
        (RESET_PAGE, {"token": "nonsense", "password": NEW_PASSWORD}),
        (RESET_PAGE, {"token": "nonsense"}),
        (RESET_PAGE, {"token": "nonsense", "password": "x" * 1025}),
    ],
)
def test_a_form_without_a_good_token_changes_nothing(page, sent, user, world):
    before = everything(world)
    answer = Client().post(page, sent)
    assert answer.status_code == 400
    assert "<script>" not in answer.content.decode()
    assert everything(world) == before
    assert login(user.email, PASSWORD).status_code == 200


def test_a_form_of_another_site_is_refused(user, world):
    before = everything(world)
    answer = Client(enforce_csrf_checks=True).post(VERIFY, {"token": VERIFICATION.make(user)})
    assert answer.status_code == 403
    assert everything(world) == before


@pytest.mark.parametrize(
    ("accepts", "title"),
    [
        ("uk", "Підтвердьте адресу електронної пошти"),
        ("ru-RU,ru;q=0.9", "Подтвердите адрес электронной почты"),
        ("de", "Confirm your e-mail address"),
    ],
)
def test_the_page_speaks_the_browsers_language(accepts, title):
    answer = Client().get(VERIFY, {"token": "x"}, headers={"Accept-Language": accepts})
    assert title in answer.content.decode()


@pytest.mark.parametrize("page", [VERIFY, RESET_PAGE])
def test_a_browser_may_send_the_form_and_load_the_pages_style(page):
    answer = Client().get(page, {"token": "x"})
    assert answer["Content-Security-Policy"] == PAGE_POLICY
    assert "form-action 'self'" in PAGE_POLICY
    text = answer.content.decode()
    assert "<style" not in text  # the policy lets no style stand in a page
    assert '<link rel="stylesheet" href="/static/identity/page.css">' in text
    assert finders.find("identity/page.css")


@pytest.mark.parametrize("context", ["admin", "telegram"])
def test_only_the_web_application_has_the_pages(context, as_context):
    with as_context(context):
        assert Client().get(VERIFY).status_code == 404
        assert Client().get(RESET_PAGE).status_code == 404
