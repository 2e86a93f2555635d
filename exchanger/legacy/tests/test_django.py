"""A stock Django project comes over: its people, what they may do, and what they have done."""

from datetime import datetime

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.core.management import call_command

from admin_panel.models import AuditLog
from exchanger.kernel.legacy_ids import uuid_of
from exchanger.legacy.run import Limit
from identity.models import User, UserPermission, UserProfile
from identity.tests.accounts import login
from web.models import ExchangeRate, Order, Payment

PASSWORD = "correct horse battery"
JOINED = "2024-01-01T00:00:00+02:00"


@pytest.fixture
def project(old_django):
    """Two people, one of them of the staff, an order with its payment, a rate, and what the admin wrote of it."""
    stored = PBKDF2PasswordHasher().encode(PASSWORD, "salt", iterations=1000)
    old_django.connection.execute(
        f"""
        INSERT INTO auth_user (id, password, is_superuser, username, first_name, last_name, email, is_staff, is_active,
            date_joined) VALUES
            (1, '{stored}', false, 'olena', 'Olena', 'Koval', 'Olena@example.com', true, true, '{JOINED}'),
            (2, '{stored}', true, 'root@example.com', '', '', '', true, true, '{JOINED}'),
            (3, '{stored}', false, 'gone', '', '', 'gone@example.com', false, false, '{JOINED}'),
            (4, '{stored}', false, 'nobody', '', '', '', false, true, '{JOINED}');
        INSERT INTO django_content_type (id, app_label, model) VALUES (1, 'exchange', 'order'), (2, 'blog', 'post');
        INSERT INTO auth_permission (id, name, content_type_id, codename) VALUES
            (1, 'Can change order', 1, 'change_order'), (2, 'Can view order', 1, 'view_order'),
            (3, 'Can add post', 2, 'add_post');
        INSERT INTO auth_group (id, name) VALUES (1, 'Desk');
        INSERT INTO auth_group_permissions (group_id, permission_id) VALUES (1, 1), (1, 2);
        INSERT INTO auth_user_groups (user_id, group_id) VALUES (1, 1);
        INSERT INTO auth_user_user_permissions (user_id, permission_id) VALUES (1, 1), (1, 3);
        INSERT INTO exchange_order VALUES
            (7, 1, 'USD', 'UAH', 100, 40.5, 'done', '2024-02-01 10:00+00', '2024-02-01 11:00+00'),
            (8, 99, 'USD', 'UAH', 100, 40.5, 'new', '2024-02-01 10:00+00', '2024-02-01 11:00+00');
        INSERT INTO exchange_payment VALUES (5, 7, 1, 'card', 100, 'completed', '2024-02-01 10:30+00');
        INSERT INTO exchange_exchangerate VALUES (3, 'USD', 'UAH', 40.5, '2024-01-01 00:00+00', NULL);
        INSERT INTO django_admin_log (id, action_time, object_id, object_repr, action_flag, change_message,
            content_type_id, user_id) VALUES (1, '2024-02-01 11:00+00', '7', 'Order 7', 2, '[]', 1, 1);
        """.encode()
    )
    return old_django


def test_a_stock_project_comes_over(project, take, world, as_context):
    outcome = take(project, mapping="django", limit=Limit(percent=100))

    olena, order = uuid_of("auth_user", 1), uuid_of("exchange_order", 7)
    with as_context(None):
        call_command("verify_ledger")
        call_command("verify_audit")
        people = dict(User.objects.values_list("email", "pk"))
        assert people == {
            "olena@example.com": olena,
            "root@example.com": uuid_of("auth_user", 2),
            "gone@example.com": uuid_of("auth_user", 3),
        }
        blocked = dict(User.objects.exclude(blocked_at=None).values_list("email", "blocked_at"))
        assert blocked == {"gone@example.com": datetime.fromisoformat(JOINED)}
        assert UserProfile.objects.get(pk=olena).display_name == "Olena Koval"
        may = UserPermission.objects.filter(user_id=olena).values_list("application_context", "permission")
        assert set(may) == {
            ("admin", "web.change_order"),
            ("admin", "web.view_order"),
            ("admin", "web.view_payment"),
            ("admin", "web.view_exchangerate"),
            ("admin", "identity.view_user"),
        }
        assert UserPermission.objects.get(user__email="root@example.com").permission == "*"
        assert Order.objects.get().pk == order
        assert Payment.objects.get().order_id == order
        assert ExchangeRate.objects.get().pk == uuid_of("exchange_exchangerate", 3)
        logged = AuditLog.objects.get()
        assert (logged.admin_id, logged.action, logged.resource_type) == (olena, "django.change", "exchange.order")
    reasons = {}
    for alias in ("identity", "web"):
        rows = world.superuser(alias).execute("SELECT step, old_key, reason FROM legacy.rejects").fetchall()
        reasons |= {(step, key): reason for step, key, reason in rows}
    assert reasons == {
        ("users", "4"): "email:not_an_email",
        ("user_profiles", "4"): "user_id:not_taken",
        ("user_permissions", "1 blog.add_post"): "permission:permission_unknown",
        ("orders", "8"): "user_id:no_such_row",
    }
    assert outcome.missing == []


def test_its_people_log_in_with_their_passwords(project, take, as_context):
    take(project, mapping="django", limit=Limit(percent=100))

    with as_context("web"):
        assert login("olena@example.com", PASSWORD).status_code == 200
        assert login("gone@example.com", PASSWORD).json()["code"] == "account_blocked"


def test_a_project_without_those_tables_is_taken_as_far_as_it_goes(project, take):
    for table in ("exchange_order", "exchange_payment", "exchange_exchangerate"):
        project.connection.execute(f"DROP TABLE {table}".encode())

    outcome = take(project, mapping="django", limit=Limit(percent=100))

    assert outcome.missing == ["exchange_rates", "orders", "payments"]
    assert outcome.totals["users"].taken == 3
