"""Logins, failed ones, logouts and refusals: in the audit trail without a line in the views."""

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client

from admin_panel.models import AuditLog
from admin_panel.receivers import tried_address
from admin_panel.services import audit
from admin_panel.services.actors import NOBODY
from admin_panel.tests.factories import AuditLogFactory
from exchanger.kernel.cache.access import circuit
from identity.models import Session
from identity.services.sessions import session_open
from identity.session_values import stored_id
from identity.tests.factories import PASSWORD, UserFactory
from web.tests.factories import OrderFactory

pytestmark = pytest.mark.context("admin")
PANEL, API = "/admin/login/", "/api/v1/auth/login"
FROM = {"REMOTE_ADDR": "192.0.2.7", "HTTP_USER_AGENT": "curl/8"}


@pytest.fixture
def client():
    return Client(SERVER_NAME="localhost", **FROM)


def try_panel(client, email, password):
    return client.post(PANEL, {"username": email, "password": password})


def try_api(client, email, password, transport="cookie"):
    body = {"email": email, "password": password, "transport": transport}
    return client.post(API, body, content_type="application/json")


def try_api_bearer(client, email, password):
    return try_api(client, email, password, "bearer")


each_way = pytest.mark.parametrize("log_in", [try_panel, try_api, try_api_bearer])


def entry():
    """The only entry there is."""
    log = AuditLog.objects.select_related("result").get()
    assert (log.ip_address, log.user_agent) == ("192.0.2.7", "curl/8")
    return log


@each_way
def test_a_login_is_an_entry(client, log_in):
    user = UserFactory(permissions={"admin": ["*"]})
    log_in(client, user.email, PASSWORD)
    log = entry()
    assert (log.admin_id, log.action, log.resource_type, log.outcome) == (user.pk, "session.open", "session", "done")
    assert log.new_values == {"application_context": "admin"}


@each_way
def test_a_wrong_password_is_an_entry_about_the_account_by_nobody(client, log_in):
    user = UserFactory(email="operator@example.com", permissions={"admin": ["*"]})
    log_in(client, "Operator@example.com", "wrong horse battery")
    log = entry()
    assert (log.admin_id, log.action, log.outcome) == (NOBODY, "session.open", "failed")
    assert (log.resource_type, log.resource_id) == ("user", str(user.pk))
    assert "wrong horse" not in str(log.new_values) + str(log.result.details)


@each_way
def test_an_unknown_address_is_an_entry_that_does_not_keep_it(client, log_in):
    log_in(client, "somebody@example.org", "wrong horse battery")
    log = entry()
    assert (log.admin_id, log.resource_type, log.resource_id) == (NOBODY, "session", None)
    assert log.outcome == "failed"
    assert log.new_values["email"] == "s…@example.org"
    assert "somebody" not in str(log.new_values)


def test_a_fingerprint_tells_the_same_address_again_and_a_password_typed_there_leaves_no_hint():
    again, other = tried_address(" Somebody@Example.org"), tried_address("another@example.org")
    assert tried_address("somebody@example.org") == again
    assert again["fingerprint"] != other["fingerprint"]
    assert set(tried_address("correct horse battery")) == {"fingerprint"}


@each_way
def test_a_client_who_is_no_operator_is_denied_by_name(client, log_in):
    user = UserFactory(permissions={"web": ["*"]})
    log_in(client, user.email, PASSWORD)
    log = entry()
    assert (log.admin_id, log.action, log.outcome) == (user.pk, "session.open", "denied")
    assert log.result.details == {"reason": "no permission in the admin context"}


@pytest.mark.parametrize(("method", "address"), [("post", "/admin/logout/"), ("post", "/api/v1/auth/logout")])
def test_a_logout_is_an_entry_and_an_anonymous_one_is_none(client, method, address):
    client.post("/admin/logout/")
    assert not AuditLog.objects.exists()
    user = UserFactory(permissions={"admin": ["*"]})
    client.cookies[settings.SESSION_COOKIE_NAME] = session_open(user=user).session_key
    getattr(client, method)(address)
    log = entry()
    assert (log.admin_id, log.action, log.outcome) == (user.pk, "session.close", "done")


def test_a_logout_that_cannot_be_recorded_is_a_logout_all_the_same(client, world, monkeypatch, caplog):
    user = UserFactory(permissions={"admin": ["*"]})
    client.cookies[settings.SESSION_COOKIE_NAME] = session_open(user=user).session_key
    monkeypatch.setattr(audit, "_INTENT", "SELECT no_such_function(" + "%s, " * 8 + "%s)")
    client.post("/admin/logout/")
    assert world.superuser("identity").execute("SELECT count(*) FROM sessions").fetchone() == (0,)
    assert "could not be recorded" in caplog.text


def test_a_login_that_cannot_be_recorded_is_none(client, world, monkeypatch):
    user = UserFactory(permissions={"admin": ["*"]})
    monkeypatch.setattr(audit, "_INTENT", "SELECT no_such_function(" + "%s, " * 8 + "%s)")
    client.raise_request_exception = False
    assert try_panel(client, user.email, PASSWORD).status_code == 500
    assert world.superuser("identity").execute("SELECT count(*) FROM sessions").fetchone() == (0,)


@pytest.mark.context("web")
def test_logins_of_the_other_applications_are_not_the_operators_affair(client, as_context):
    user = UserFactory()
    try_api(client, user.email, PASSWORD)
    try_api(Client(SERVER_NAME="localhost"), user.email, "wrong horse battery")
    with as_context("admin"):
        assert not AuditLog.objects.exists()


def test_a_page_that_is_refused_is_an_entry(operator_with):
    order = OrderFactory()
    operator = operator_with("web.view_payment")
    page = f"/admin/web/order/{order.pk}/change/"
    assert operator.get(page).status_code == 403
    log = AuditLog.objects.select_related("result").get()
    assert (log.admin_id, log.action, log.outcome) == (operator.person.pk, "access.denied", "denied")
    assert (log.resource_type, log.resource_id) == ("order", str(order.pk))
    assert log.new_values == {"method": "GET", "path": page}


def test_a_refusal_of_the_api_is_an_entry(operator_with):
    operator = operator_with("web.view_order")
    about = AuditLogFactory()
    assert operator.get(f"/api/v1/audit-logs/{about.pk}/").status_code == 403
    log = AuditLog.objects.get(action="access.denied")
    assert (log.resource_type, log.resource_id) == ("audit_log", str(about.pk))


def test_who_is_nobody_and_what_is_allowed_make_no_entry(visitor, operator_with):
    assert visitor.get("/api/v1/audit-logs/").status_code == 401
    assert visitor.get("/admin/web/order/").status_code == 302
    assert operator_with("web.view_order").get("/admin/web/order/").status_code == 200
    assert not AuditLog.objects.exists()


def test_an_allowed_request_asks_nothing_more_of_any_database(operator, statements):
    operator.get("/admin/search/?s=order")
    sent = statements(lambda: operator.get("/admin/search/?s=order"))
    assert not any(sent.values())
    assert connections["admin"].get_autocommit()


# --- an operator's own account


def own(client, method, address, body=None):
    return getattr(client, method)(f"/api/v1/auth/{address}", body or {}, content_type="application/json")


def test_a_changed_password_is_an_entry_without_the_passwords(operator):
    changed = {"current_password": PASSWORD, "new_password": "another horse 1"}
    assert own(operator, "post", "password/change", changed).status_code == 200
    log = AuditLog.objects.select_related("result").get()
    assert (log.admin_id, log.action, log.outcome) == (operator.person.pk, "user.password.change", "done")
    assert (log.resource_type, log.resource_id) == ("user", str(operator.person.pk))
    assert (log.old_values, log.new_values, log.result.details) == (None, None, None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"current_password": "wrong horse battery", "new_password": "another horse 1"},
        {"current_password": PASSWORD, "new_password": "short"},
    ],
)
def test_a_password_that_was_not_changed_is_a_failed_attempt(operator, wrong):
    assert own(operator, "post", "password/change", wrong).status_code == 400
    log = AuditLog.objects.select_related("result").get()
    assert (log.action, log.outcome) == ("user.password.change", "failed")
    assert wrong["current_password"] not in str(log.result.details)


def test_ending_ones_own_sessions_is_an_entry_and_a_logout_is_one(operator):
    others = [stored_id(session_open(user=operator.person).session_key) for _ in range(2)]
    assert own(operator, "delete", f"sessions/{others[0]}").status_code == 204
    assert own(operator, "post", "sessions/end-others").json() == {"ended": 1}
    this = stored_id(operator.cookies[settings.SESSION_COOKIE_NAME].value)
    assert own(operator, "delete", f"sessions/{this}").status_code == 204
    entries = list(AuditLog.objects.select_related("result").order_by("created_at"))
    assert [(entry.action, entry.outcome) for entry in entries] == [
        ("user.session.end", "done"),
        ("user.session.end_others", "done"),
        ("session.close", "done"),
    ]
    assert entries[0].new_values == {"session_id": others[0]}


def test_an_end_that_redis_was_not_told_of_is_done_all_the_same(operator, monkeypatch):
    other = stored_id(session_open(user=operator.person).session_key)
    monkeypatch.setattr(circuit, "_open", True)  # as it is while Redis does not answer
    monkeypatch.setattr(circuit, "_next_probe", float("inf"))
    answer = own(operator, "post", "sessions/end-others")
    assert (answer.status_code, answer.json()["code"]) == (503, "end_unconfirmed")
    log = AuditLog.objects.select_related("result").get()
    assert log.outcome == "done"
    assert log.result.details["unconfirmed"].startswith("The sessions have ended.")
    assert not Session.objects.filter(pk=other).exists()
