"""The frame around the pages: menu, search, and what is not served."""

import re

import pytest

from admin_panel.panel.navigation import GROUPS
from admin_panel.tests.pages import MODELS, list_address, view_permission
from bot.models import Message
from exchanger.kernel.contexts import ALIASES
from web.models import Order
from web.tests.factories import OrderFactory

pytestmark = pytest.mark.context("admin")


def menu(page):
    found = re.search(r'id="nav-sidebar-apps".*?id="nav-sidebar', page + 'id="nav-sidebar', re.DOTALL)
    return set(re.findall(r'<a href="(/admin/\w+/\w+/)" class="flex', found.group()))


IN_THE_MENU = set(MODELS) - {Message}  # which are read in their conversation


def test_every_page_is_in_the_menu():
    assert {page.model for pages in GROUPS.values() for page in pages} == IN_THE_MENU


def test_the_menu_holds_what_the_operator_may_see(operator_with):
    assert menu(operator_with("*").get("/admin/").text) == {list_address(model) for model in IN_THE_MENU}
    assert menu(operator_with(view_permission(Order)).get("/admin/").text) == {list_address(Order)}
    assert menu(operator_with("orders.only_a_name").get("/admin/").text) == set()


def test_the_search_finds_pages_and_keeps_nothing(operator_with, everything):
    operator = operator_with("web.view_order", "web.view_payment")
    operator.get("/admin/")
    before = everything()
    assert list_address(Order) in operator.get("/admin/search/?s=ORD").text
    assert "/admin/web/payment/" not in operator.get("/admin/search/?s=ord").text
    assert "/admin/web/payment/" in operator.get("/admin/search/?s=exchange").text
    assert "/admin/identity/" not in operator.get("/admin/search/?s=people").text
    assert "href" not in operator.get("/admin/search/?s=").text
    assert everything() == before


def test_the_search_is_for_operators(visitor):
    assert visitor.get("/admin/search/?s=order")["Location"].startswith("/admin/login/")


def test_djangos_own_log_of_changes_has_no_table_to_be_written_to(world):
    for alias in ALIASES:
        assert world.superuser(alias).execute("SELECT to_regclass('django_admin_log')").fetchone() == (None,)


def test_an_application_has_a_page_of_its_own_lists(operator):
    assert list_address(Order) in operator.get("/admin/web/").text


def test_a_row_is_not_reached_by_its_content_type(operator):
    assert operator.get(f"/admin/r/1/{OrderFactory().pk}/").status_code == 404


def test_no_page_asks_another_host_for_anything(operator):
    order = OrderFactory()
    for page in ("/admin/", list_address(Order), f"{list_address(Order)}{order.pk}/change/", "/admin/logout/"):
        text = (operator.post if "logout" in page else operator.get)(page).text
        loaded = re.findall(r'(?:src|href|action|hx-get)="((?:https?:)?//[^"]+)"', text)
        assert loaded == []
