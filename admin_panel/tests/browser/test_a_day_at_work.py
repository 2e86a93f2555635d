"""What operators do in a day, done with a browser: their login, the queue, a rate, a report, a version, a session."""

import csv
from decimal import Decimal

import pyotp
import pytest
from django.urls import reverse

from admin_panel.models import AuditLog, Report
from admin_panel.services.factors import RECOVERY_CODES
from admin_panel.tests.authenticators import authenticator_of
from admin_panel.tests.factories import ConfigurationFactory
from admin_panel.tests.reports import no_files
from admin_panel.tests.test_queue import ordered
from exchanger.kernel.contexts import Context
from exchanger.testing.processes import WorkerProcess
from identity.models import Session
from identity.services.sessions import session_open
from identity.tests.factories import PASSWORD, UserFactory
from web.models import ExchangeRate, PublishedConfiguration
from web.tests.factories import DOCUMENT, ExchangeRateFactory, OrderFactory, PublishedConfigurationFactory
from web.tests.money import order_status

pytestmark = pytest.mark.context("admin")
REASON = "Asked for by the office."


def trail():
    return [(log.action, log.outcome) for log in AuditLog.objects.select_related("result").order_by("created_at", "id")]


def says(page, text):
    page.get_by_text(text).first.wait_for()


@pytest.fixture
def worker(world):
    with no_files():
        worker = WorkerProcess(Context.ADMIN, world.environments, world.paths.logs / "panel-worker.log")
        yield worker
        worker.stop()


def test_a_login_asks_for_the_password_and_then_for_the_code(look, boss):
    secret = authenticator_of(boss).secret
    page = look.open(reverse("admin:index"))
    page.locator("[name=username]").fill(boss.email)
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_label("Six digits").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url(look.url + reverse("admin:index"))
    says(page, "Orders a day")


def test_a_second_factor_is_set_up_by_what_stands_below_its_picture(look, boss):
    page = look.open(reverse("admin:index"))
    page.locator("[name=username]").fill(boss.email)
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Begin").click()
    secret = page.locator("#factor-secret").inner_text().replace(" ", "")
    page.get_by_label("Six digits").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Confirm").click()
    page.locator("#recovery-codes").wait_for()
    assert page.locator("#recovery-codes li").count() == RECOVERY_CODES


def test_the_queue_takes_an_order_from_its_transfer_to_its_payout(operator):
    PublishedConfigurationFactory()
    order, _ = ordered()
    page = operator.open(reverse("admin:queue"))
    for label, done in (("Money came", "succeeded"), ("Begin payout", "processing"), ("Paid out", "completed")):
        page.locator("summary", has_text=label).click()
        form = page.locator("details[open] form")
        form.get_by_label("Reason").fill(REASON)
        form.get_by_role("button").click()
        says(page, f"is {done} now.")
    assert order_status(order) == "completed"
    assert [outcome for _, outcome in trail()] == ["done"] * 3


def test_a_rate_is_looked_at_before_it_is_in_force(operator):
    PublishedConfigurationFactory()
    ExchangeRateFactory(rate=Decimal("41.50"))
    page = operator.open(reverse("admin:web_exchangerate_add"))
    page.get_by_label("Pair").fill("USD/UAH")
    page.get_by_label("Rate", exact=True).fill("42.10")
    page.get_by_label("Reason").fill(REASON)
    page.get_by_role("button", name="Preview").click()
    says(page, "41.88950000")
    assert ExchangeRate.objects.count() == 1
    page.get_by_role("button", name="Put it into force").click()
    operator.settle()
    assert ExchangeRate.objects.latest("valid_from").rate == Decimal("42.10")


def test_a_report_is_asked_for_watched_and_downloaded(operator, worker, tmp_path):
    order = OrderFactory(user_id=UserFactory().pk)
    page = operator.open(reverse("admin:admin_panel_report_add") + "?type=orders")
    day = order.created_at.strftime("%Y-%m-%d")
    page.get_by_label("From").fill(day)
    page.get_by_label("Until").fill(day)
    page.get_by_label("Format").select_option("csv")
    page.get_by_role("button", name="Make the report").click()
    button = page.get_by_role("button", name="Download")
    button.wait_for(timeout=60_000)
    with page.expect_download() as download:
        button.click()
    download.value.save_as(tmp_path / "orders.csv")
    with (tmp_path / "orders.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["Order"] for row in rows] == [str(order.pk)]
    made = Report.objects.get(type="orders")  # the worker makes what is scheduled as well
    assert (made.status, made.rows_written) == ("done", 1)
    assert ("report.download", "done") in trail()


def test_an_older_version_of_the_configuration_is_put_into_force_again(operator):
    older = ConfigurationFactory(version=1, document=DOCUMENT | {"spread": "0.01"})
    ConfigurationFactory(version=2, document=DOCUMENT)
    PublishedConfigurationFactory(version=2)
    page = operator.open(reverse("admin:admin_panel_configuration_change", args=[older.pk]))
    page.get_by_label("Reason").fill(REASON)
    page.get_by_role("button", name="Put version 1 into force").click()
    says(page, "This version is in force since")
    assert PublishedConfiguration.objects.get().version == 1


def test_a_session_is_ended_and_the_others_are_not(operator, as_context):
    person = UserFactory()
    with as_context("web"):
        ended, kept = session_open(user=person), session_open(user=person)
    page = operator.open(reverse("admin:identity_user_change", args=[person.pk]))
    page.get_by_role("button", name="End", exact=True).first.click()
    says(page, "ended")
    with as_context("web"):
        assert Session.objects.filter(user_id=person.pk).count() == 1
        assert {ended.session_key, kept.session_key} > {
            key for key in (ended.session_key, kept.session_key) if type(ended)(key).load()
        }


def test_the_field_above_the_navigation_finds_a_page_by_its_name(operator):
    page = operator.open(reverse("admin:index"))
    page.keyboard.press("t")
    page.keyboard.type("held")
    page.locator("#search-results a").first.wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**" + reverse("admin:web_heldrate_changelist"))


def test_the_navigation_folds_and_stays_so(operator):
    page = operator.open(reverse("admin:index"))
    sidebar = page.locator("#nav-sidebar")
    assert sidebar.is_visible()
    page.get_by_text("dock_to_right").first.click()
    sidebar.wait_for(state="hidden")
    page.reload()
    operator.settle()
    assert not sidebar.is_visible()
