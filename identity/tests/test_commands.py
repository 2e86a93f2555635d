"""The first operator, and sessions opened from the command line."""

import io
import sys

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.utils import timezone

from identity.models import User, UserPermission
from identity.sessions import SessionStore
from identity.tests.factories import PASSWORD, UserFactory


def create_operator(monkeypatch, email, password=""):
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{password}\n"))
    out = io.StringIO()
    call_command("create_operator", email, stdout=out)
    return out.getvalue()


def test_the_first_operator_is_made_and_may_do_everything_in_the_panel_and_nothing_elsewhere(
    world, as_context, monkeypatch
):
    said = create_operator(monkeypatch, "Chief@Example.com", "a long enough secret")
    assert said == "chief@example.com: created, and may do everything in the operators' panel.\n"
    with as_context("admin"):
        operator = authenticate(username="chief@example.com", password="a long enough secret")
        assert operator.is_superuser
        assert operator.is_staff
    with as_context("web"):
        assert authenticate(username="chief@example.com", password="a long enough secret").granted == frozenset()


@pytest.mark.usefixtures("world")
def test_somebody_who_is_there_keeps_their_password_and_is_granted_once(as_context, monkeypatch):
    user = UserFactory()
    for _ in range(2):
        create_operator(monkeypatch, user.email)
    assert UserPermission.objects.filter(user=user).count() == 1
    with as_context("admin"):
        assert authenticate(username=user.email, password=PASSWORD).is_superuser


@pytest.mark.usefixtures("world")
def test_an_account_that_a_stranger_may_have_opened_becomes_no_operator(monkeypatch):
    user = UserFactory(email_verified=False)
    with pytest.raises(CommandError, match="nobody has confirmed"):
        create_operator(monkeypatch, user.email)
    assert not UserPermission.objects.exists()


def test_who_is_blocked_becomes_no_operator_and_gets_no_session(monkeypatch, world, as_context):
    user = UserFactory(blocked_at=timezone.now())
    with pytest.raises(CommandError, match="is blocked"):
        create_operator(monkeypatch, user.email)
    with as_context("telegram"), pytest.raises(CommandError, match="is blocked"):
        call_command("open_session", user.email)
    assert not UserPermission.objects.exists()
    assert world.superuser("identity").execute("SELECT count(*) FROM sessions").fetchone() == (0,)


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("email", "password"), [("new@example.com", "short"), ("new@example.com", ""), ("nobody", "x")]
)
def test_a_weak_password_or_a_bad_address_makes_nobody(email, password, monkeypatch):
    with pytest.raises(CommandError):
        create_operator(monkeypatch, email, password)
    assert not User.objects.exists()
    assert not UserPermission.objects.exists()


@pytest.mark.context("telegram")
def test_a_session_opened_from_the_command_line_is_one_of_this_context():
    user = UserFactory()
    out = io.StringIO()
    call_command("open_session", user.email, stdout=out)
    assert SessionStore(out.getvalue().strip())["_auth_user_id"] == str(user.pk)


@pytest.mark.context("telegram")
def test_nobody_gets_no_session(world):
    with pytest.raises(CommandError, match="Nobody has the address"):
        call_command("open_session", "nobody@example.com")
    assert world.superuser("identity").execute("SELECT count(*) FROM sessions").fetchone() == (0,)
