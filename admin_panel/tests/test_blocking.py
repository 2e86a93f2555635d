"""Whom operators keep out: everywhere at once, by whoever may, and let in again by a new login alone."""

import pytest
from django.contrib.messages import get_messages
from django.core.exceptions import PermissionDenied

from admin_panel.models import AuditLog
from admin_panel.services.actors import Actor
from admin_panel.services.blocking import MAY_BLOCK, operator_user_block, operator_user_unblock
from admin_panel.services.permissions import ReasonMissing
from admin_panel.tests.conftest import passed_session
from exchanger.kernel.contexts import Context
from identity.models import User
from identity.services.sessions import session_open
from identity.tests.accounts import in_threads
from identity.tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.context("admin")
WHY = "Ticket 4711"


def actor(*permissions):
    return Actor(UserFactory(permissions={"admin": permissions}).pk)


def block(by, user_id, reason=WHY):
    return operator_user_block(actor=by, user_id=user_id, reason=reason)


def unblock(by, user_id, reason=WHY):
    return operator_user_unblock(actor=by, user_id=user_id, reason=reason)


def is_blocked(user_id):
    return User.objects.defer("password").get(pk=user_id).blocked_at is not None


def entries():
    found = AuditLog.objects.select_related("result").order_by("created_at")
    return [(entry.action, entry.outcome, (entry.result.details or {}).get("changed")) for entry in found]


def sessions_of(world, user):
    found = "SELECT application_context FROM sessions WHERE user_id = %s ORDER BY 1"
    return [context for (context,) in world.superuser("identity").execute(found, (user.pk,)).fetchall()]


def page(user, action="change"):
    return f"/admin/identity/user/{user.pk}/{action}/"


def messages_of(answer):
    return [str(message) for message in answer.context["messages"]]


@pytest.fixture
def everywhere(as_context):
    """Somebody with a session in each application."""
    user = UserFactory()
    for context in Context:
        with as_context(context):
            session_open(user=user)
    return user


# --- the services


def test_blocking_ends_all_sessions_and_is_in_the_trail(world, everywhere):
    by = actor(MAY_BLOCK)
    assert block(by, everywhere.pk) is True
    assert is_blocked(everywhere.pk)
    assert sessions_of(world, everywhere) == []
    with world.redis() as redis:
        assert not redis.keys("identity:session:*")
    since = User.objects.get(pk=everywhere.pk).blocked_at
    assert block(by, everywhere.pk) is False
    assert User.objects.get(pk=everywhere.pk).blocked_at == since
    assert entries() == [("user.block", "done", True), ("user.block", "done", False)]
    entry = AuditLog.objects.first()
    assert (entry.admin_id, entry.resource_id, entry.new_values) == (
        by.admin_id,
        str(everywhere.pk),
        {"reason": WHY},
    )


def test_unblocking_lets_nobody_in_by_a_session_that_a_racing_login_opened_meanwhile(world, as_context):
    by, user = actor(MAY_BLOCK), UserFactory()
    block(by, user.pk)
    with as_context("web"):
        session_open(user=user)
    assert unblock(by, user.pk) is True
    assert not is_blocked(user.pk)
    assert sessions_of(world, user) == []
    assert unblock(by, user.pk) is False
    assert entries()[1:] == [("user.unblock", "done", True), ("user.unblock", "done", False)]


REFUSED = {
    "a client, by who may not": ((), ("web.view_order",), "takes the permission"),
    "an operator, by who is no administrator": (("web.view_order",), (MAY_BLOCK,), "only who holds"),
    "an administrator, by who is none": (("*",), (MAY_BLOCK, "identity.change_userpermission"), "only who holds"),
}


@pytest.mark.parametrize("change", [block, unblock])
@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_recorded_as_denied_and_changes_nothing(case, change, everything):
    theirs, held, why = REFUSED[case]
    by, user = actor(*held), UserFactory(permissions={"admin": theirs})
    before = everything()
    with pytest.raises(PermissionDenied, match=why):
        change(by, user.pk)
    assert everything() == before
    assert [entry[1] for entry in entries()] == ["denied"]


@pytest.mark.parametrize("change", [block, unblock])
def test_nobody_blocks_themselves(change, everything):
    by = actor("*")
    before = everything()
    with pytest.raises(PermissionDenied, match="yourself"):
        change(by, by.admin_id)
    assert everything() == before


@pytest.mark.parametrize("reason", ["", " ", "x" * 501])
@pytest.mark.parametrize("change", [block, unblock])
def test_it_takes_a_reason(change, reason, everything):
    by, user = actor("*"), UserFactory()
    before = everything()
    with pytest.raises(ReasonMissing):
        change(by, user.pk, reason)
    assert everything() == before


def test_who_is_blocked_blocks_nobody_and_unblocks_nobody(everything):
    blocked, user = actor("*"), UserFactory()
    block(actor("*"), blocked.admin_id)
    before = everything()
    for change in (block, unblock):
        with pytest.raises(PermissionDenied, match="has been blocked"):
            change(blocked, user.pk)
    assert everything() == before


def test_of_two_administrators_who_block_each_other_one_stays():
    def attempt(by, other):
        try:
            return block(by, other.admin_id)
        except PermissionDenied:
            return False

    for _ in range(5):
        first, second = actor("*"), actor("*")
        done = in_threads(lambda a=first, b=second: attempt(a, b), lambda a=first, b=second: attempt(b, a))
        assert sorted(done) == [False, True]
        assert [is_blocked(first.admin_id), is_blocked(second.admin_id)] == [done[1], done[0]]


# --- the pages


def test_the_page_blocks_and_unblocks_and_says_so(operator, everywhere):
    shown = operator.get(page(everywhere)).text
    assert page(everywhere, "block") in shown
    assert page(everywhere, "unblock") not in shown
    answer = operator.post(page(everywhere, "block"), {"reason": WHY}, follow=True)
    assert messages_of(answer) == [f"{everywhere} is blocked, and logged out everywhere."]
    assert "Blocked since" in answer.text
    assert page(everywhere, "unblock") in answer.text
    answer = operator.post(page(everywhere, "block"), {"reason": WHY}, follow=True)
    assert messages_of(answer) == [f"{everywhere} was blocked already."]
    answer = operator.post(page(everywhere, "unblock"), {"reason": WHY}, follow=True)
    assert messages_of(answer) == [f"{everywhere} may log in again."]
    assert not is_blocked(everywhere.pk)
    answer = operator.post(page(everywhere, "unblock"), {"reason": WHY}, follow=True)
    assert messages_of(answer) == [f"{everywhere} was not blocked."]


def test_letting_in_again_takes_a_fresh_code_and_keeping_out_does_not(visitor, settings):
    operator, user = UserFactory(permissions={"admin": ["*"]}), UserFactory()
    visitor.cookies[settings.SESSION_COOKIE_NAME] = passed_session(operator, seconds_ago=86_400)
    visitor.post(page(user, "block"), {"reason": WHY})
    assert is_blocked(user.pk)
    answer = visitor.post(page(user, "unblock"), {"reason": WHY})
    assert "second" in answer["Location"]
    assert is_blocked(user.pk)


def test_the_buttons_are_for_who_may_and_others_see_that_somebody_is_blocked(operator_with):
    user = UserFactory()
    looks = operator_with("identity.view_user").get(page(user)).text
    assert "Blocking" not in looks
    block(actor("*"), user.pk)
    looks = operator_with("identity.view_user").get(page(user)).text
    assert "Blocked since" in looks
    assert page(user, "unblock") not in looks
    own = operator_with("identity.view_user", MAY_BLOCK)
    assert page(own.person, "block") not in own.get(page(own.person)).text


def test_the_list_tells_the_blocked_from_the_others(operator):
    free, kept_out = UserFactory(), UserFactory()
    block(actor("*"), kept_out.pk)
    assert free.email in operator.get("/admin/identity/user/").text
    found = operator.get("/admin/identity/user/?blocked=yes").text
    assert kept_out.email in found
    assert free.email not in found


def test_an_operator_who_is_blocked_is_out_at_once_and_told_so_at_the_door(operator_with, world, visitor):
    operator = operator_with("*")
    assert operator.get("/admin/").status_code == 200
    block(actor("*"), operator.person.pk)
    assert operator.get("/admin/")["Location"].startswith("/admin/login/")
    answer = visitor.post("/admin/login/", {"username": operator.person.email, "password": PASSWORD})
    assert answer.status_code == 200
    assert "This account is blocked" in answer.text
    assert not list(get_messages(answer.wsgi_request))
    assert sessions_of(world, operator.person) == []
    assert entries()[-1] == ("session.open", "denied", None)
    wrong = visitor.post("/admin/login/", {"username": operator.person.email, "password": "wrong"})
    assert "blocked" not in wrong.text
