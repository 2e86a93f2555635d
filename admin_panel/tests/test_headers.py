"""The content security policy of the panel's pages, and that no page needs what it refuses."""

from html.parser import HTMLParser

import pytest
from django.urls import reverse

from admin_panel.tests.pages import MODELS, ROWS, address, list_address, name_of
from exchanger.kernel.content_policy import PAGE_POLICY
from identity.tests.factories import UserFactory
from web.tests.factories import OrderFactory

pytestmark = pytest.mark.context("admin")
PAGES = ("admin:index", "admin:queue", "admin:second_factor_new", "admin:login", "docs")


class Refused(HTMLParser):
    """What a page holds that its policy would stop: scripts in it, and whatever comes from elsewhere."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        held = dict(attributes)
        loads = [held.get(name) or "" for name in ("src", "action", "data", "formaction")]
        if tag == "link":
            loads.append(held["href"])
        if tag == "script" and "src" not in held and held.get("type") != "application/json":
            self.found.append("an inline script")
        if tag in ("style", "iframe", "object", "embed", "base"):
            self.found.append(tag)
        self.found += [name for name in held if name == "style" or name.startswith("on")]
        self.found += [text for text in held.values() if (text or "").strip().lower().startswith("javascript:")]
        self.found += [text for text in loads if "//" in text]


def look_at(page) -> None:
    assert page.status_code == 200
    assert page["Content-Security-Policy"] == PAGE_POLICY
    assert page["X-Frame-Options"] == "DENY"
    assert page["X-Content-Type-Options"] == "nosniff"
    assert Refused(page.text).found == []


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_lists_and_rows_hold_nothing_that_the_policy_stops(operator, model):
    row = ROWS[model]()
    look_at(operator.get(list_address(model)))
    look_at(operator.get(address("change", row)))


@pytest.mark.parametrize("name", PAGES)
def test_the_other_pages_neither(operator, visitor, name):
    OrderFactory(user_id=UserFactory().pk)
    if name == "admin:login":
        visitor.cookies.clear()
    look_at(visitor.get(reverse(name)))


def test_the_qr_code_neither(operator):
    look_at(operator.post(reverse("admin:second_factor_new")))


@pytest.mark.parametrize(
    "page",
    [
        "<script>run()</script>",
        '<script src="https://elsewhere.example/x.js"></script>',
        '<button onclick="run()">',
        '<a href="javascript:run()">',
        '<form action="//elsewhere.example/">',
        '<p style="color: red">',
        "<style>p { color: red }</style>",
    ],
)
def test_the_look_finds_what_the_policy_stops(page):
    assert Refused(page).found


def test_the_policy_has_no_exceptions():
    rules = dict(rule.split(" ", 1) for rule in PAGE_POLICY.split("; "))
    assert "unsafe" not in PAGE_POLICY
    assert "http" not in PAGE_POLICY
    assert rules["default-src"] == rules["frame-ancestors"] == rules["base-uri"] == "'none'"
