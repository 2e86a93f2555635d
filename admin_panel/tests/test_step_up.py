"""What takes a code of the last minutes: without one nothing is done, and with one the operator goes on."""

import time

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from admin_panel.models import AuditLog
from admin_panel.panel.posted import STEP_UP
from admin_panel.panel.work import ACTIONS
from admin_panel.second_factor import PASSED_AT
from admin_panel.tests.authenticators import authenticator_of
from admin_panel.tests.factories import ConfigurationFactory
from bot.tests.factories import BroadcastFactory
from identity.models import UserPermission
from identity.services.sessions import session_open
from identity.tests.factories import UserFactory
from web.models import Refund, RefundStatus
from web.tests.factories import RefundFactory

pytestmark = pytest.mark.context("admin")


@pytest.fixture
def later() -> Client:
    """The browser of an operator who gave their last code longer ago than it is good for."""
    person = UserFactory(permissions={"admin": ["*"]})
    session = session_open(user=person)
    session[PASSED_AT] = int(time.time()) - settings.OPERATORS_STEP_UP_AGE - 1
    session.save()
    client = Client(SERVER_NAME="localhost")
    client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    client.person = person
    return client


def refund(status=RefundStatus.REQUESTED):
    return RefundFactory(status=status, payment__order__user_id=UserFactory().pk)


CASES = {
    "approve a refund": (refund, "web_refund_approve", {}),
    "say that a refund was sent": (
        lambda: refund(RefundStatus.APPROVED),
        "web_refund_confirm",
        {"reference": "transfer 1"},
    ),
    "grant": (UserFactory, "identity_user_grant", {"permission": "web:*"}),
    "revoke": (
        lambda: UserFactory(permissions={"admin": ["web.view_order"]}),
        "identity_user_revoke",
        {"permission": "admin:web.view_order"},
    ),
    "reset a factor": (UserFactory, "identity_user_reset_factor", {}),
    "start a broadcast": (BroadcastFactory, "bot_broadcast_start", {}),
    "publish a configuration": (ConfigurationFactory, "admin_panel_configuration_publish", {}),
}


@pytest.mark.parametrize("case", CASES)
def test_without_a_fresh_code_nothing_is_done_and_the_operator_is_asked_for_one(later, everything, case):
    make, name, form = CASES[case]
    row = make()
    authenticator_of(later.person)
    page = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    later.get(page)
    before = everything()
    answer = later.post(reverse(f"admin:{name}", args=[row.pk]), {**form, "reason": "test"})
    assert answer["Location"] == f"/admin/second-factor/?next={page.replace('/', '%2F')}"
    after = everything()
    assert after.pop("identity.sessions") != before.pop("identity.sessions")  # it holds the message
    assert after == before
    assert not AuditLog.objects.exists()
    assert STEP_UP in later.get(answer["Location"]).text


def test_after_the_code_the_operator_is_back_on_the_page_and_does_it(later):
    authenticator = authenticator_of(later.person)
    user = UserFactory()
    grant = reverse("admin:identity_user_grant", args=[user.pk])
    asked = later.post(grant, {"permission": "web:*", "reason": "test"})["Location"]
    key = later.cookies[settings.SESSION_COOKIE_NAME].value
    back = later.post(asked, {"code": authenticator.code()})["Location"]
    assert back == f"/admin/identity/user/{user.pk}/change/"
    assert later.get(back).status_code == 200
    assert not UserPermission.objects.filter(user_id=user.pk).exists()
    later.post(grant, {"permission": "web:*", "reason": "test"})
    assert UserPermission.objects.filter(user_id=user.pk, permission="*").exists()
    assert later.cookies[settings.SESSION_COOKIE_NAME].value == key


def test_what_needs_no_fresh_code_is_done(later):
    row = refund()
    later.post(reverse("admin:web_refund_reject", args=[row.pk]), {"reason": "test"})
    row.refresh_from_db()
    assert row.status == RefundStatus.REJECTED


def test_from_the_queue_the_operator_comes_back_to_the_queue(later):
    authenticator_of(later.person)
    answer = later.post(reverse("admin:web_refund_approve", args=[refund().pk]), {"reason": "test", "back": "queue"})
    assert answer["Location"] == "/admin/second-factor/?next=%2Fadmin%2Fqueue%2F"


def test_a_refunds_money_takes_it_and_nothing_else_of_the_queue_does():
    assert {(model, action.verb) for model, actions in ACTIONS.items() for action in actions if action.step_up} == {
        (Refund, "approve"),
        (Refund, "confirm"),
    }
