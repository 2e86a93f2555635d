"""Every page of the panel in a browser: nothing that it complains of, and on a telephone nothing beyond the edge."""

import pytest
from django.conf import settings
from django.urls import reverse

from admin_panel.tests.browser.look import Look
from admin_panel.tests.conftest import passed_session
from admin_panel.tests.pages import MODELS, ROWS, address, list_address, name_of
from admin_panel.tests.test_queue import ordered
from web.tests.factories import PublishedConfigurationFactory

pytestmark = pytest.mark.context("admin")
TELEPHONE = {"width": 390, "height": 844}
OTHERS = (
    "/admin/",
    "/admin/queue/",
    "/admin/second-factor/new/",
    "/admin/web/exchangerate/add/",
    "/admin/bot/notification/add/",
    "/admin/bot/broadcast/add/",
    "/admin/admin_panel/configuration/add/",
    "/admin/admin_panel/configuration/add/?application=web",
    "/admin/admin_panel/configuration/add/?application=telegram",
    "/admin/admin_panel/adminsetting/reports.keep_5Fdays/change/",
    "/admin/admin_panel/adminsetting/reports.scheduled/change/",
    "/admin/admin_panel/report/add/",
    "/admin/admin_panel/report/add/?type=turnover",
    "/api/docs/",
)


@pytest.fixture
def telephone(chromium, panel, boss):
    look = Look(chromium, panel.url, viewport=TELEPHONE, color_scheme="dark", is_mobile=True, has_touch=True)
    look.session(settings.SESSION_COOKIE_NAME, passed_session(boss))
    yield look
    look.close()
    assert look.complaints == []


def beyond_the_edge(page):
    """How many pixels of the page a person would have to move sideways for."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_lists_rows_and_histories(operator, model):
    row = ROWS[model]()
    operator.open(list_address(model))
    operator.open(address("change", row))
    operator.open(address("history", row))


@pytest.mark.parametrize("path", OTHERS)
def test_other_pages(operator, path):
    PublishedConfigurationFactory()
    ordered()
    operator.open(path)


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_lists_and_rows_fit_on_a_telephone(telephone, model):
    row = ROWS[model]()
    assert beyond_the_edge(telephone.open(list_address(model))) == 0
    assert beyond_the_edge(telephone.open(address("change", row))) == 0


@pytest.mark.parametrize("path", OTHERS)
def test_other_pages_fit_on_a_telephone(telephone, path):
    PublishedConfigurationFactory()
    ordered()
    assert beyond_the_edge(telephone.open(path)) == 0


def test_the_page_of_the_api_shows_what_there_is(look):
    look.open(reverse("docs")).locator(".opblock").first.wait_for()


def test_the_login_does_too(look):
    assert beyond_the_edge(look.open(reverse("admin:login"))) == 0
