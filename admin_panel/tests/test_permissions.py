"""What an operator may give and take, that it works at once everywhere, and that a refusal changes nothing."""

import itertools
import threading

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connections

from admin_panel.models import AuditLog
from admin_panel.panel.access import MAY_SEE_PERMISSIONS
from admin_panel.services.actors import Actor
from admin_panel.services.permissions import (
    MAY_CHANGE,
    ReasonMissing,
    WrongPermissionChange,
    operator_permission_grant,
    operator_permission_revoke,
)
from bot.api.viewsets import VIEW_ALL
from exchanger.kernel.contexts import Context
from identity.cache import UserCache
from identity.models import SUPERUSER, UserPermission
from identity.permission_names import known_permissions
from identity.services.sessions import session_open
from identity.tests.factories import UserFactory

pytestmark = pytest.mark.context("admin")
WHY = "Ticket 4711"


def actor(*permissions):
    return Actor(UserFactory(permissions={"admin": permissions}).pk)


def held(user_id, context):
    found = UserPermission.objects.filter(user_id=user_id, application_context=context)
    return set(found.values_list("permission", flat=True))


def grant(by, user_id, permission, context=Context.ADMIN, reason=WHY):
    return operator_permission_grant(actor=by, user_id=user_id, permission=permission, context=context, reason=reason)


def revoke(by, user_id, permission, context=Context.ADMIN, reason=WHY):
    return operator_permission_revoke(actor=by, user_id=user_id, permission=permission, context=context, reason=reason)


def last_entry():
    return AuditLog.objects.select_related("result").order_by("-created_at").first()


# --- names


def test_what_is_known_is_the_models_of_the_context_its_own_names_and_everything():
    assert {"web.view_order", "web.change_exchangerate", SUPERUSER} <= known_permissions(Context.WEB)
    assert {"bot.view_conversation", VIEW_ALL, SUPERUSER} <= known_permissions(Context.TELEGRAM)
    everywhere = {"web.view_order", "bot.view_message", "identity.delete_session", "admin_panel.view_auditlog"}
    assert everywhere | {MAY_CHANGE, MAY_SEE_PERMISSIONS} <= known_permissions(Context.ADMIN)
    assert not {"bot.view_message", "identity.change_user", "auth.view_group"} & known_permissions(Context.WEB)
    assert not [name for context in Context for name in known_permissions(context) if "cacheinvalidation" in name]


def test_every_permission_that_the_panel_asks_for_can_be_granted():
    from admin_panel.panel.dashboard import PERMISSIONS
    from admin_panel.tests.pages import MODELS, view_permission

    asked = {*itertools.chain(*PERMISSIONS.values()), *(view_permission(model) for model in MODELS)}
    assert asked <= known_permissions(Context.ADMIN)


# --- granting and revoking


@pytest.mark.parametrize("context", Context)
def test_who_holds_everything_gives_and_takes_in_every_context(context):
    by, user = actor("*"), UserFactory()
    name = {"web": "web.view_order", "admin": "web.view_order", "telegram": "bot.view_all"}[context]
    assert grant(by, user.pk, name, context) is True
    assert held(user.pk, context) == {name}
    entry = last_entry()
    named = {"permission": name, "application_context": context}
    assert (entry.action, entry.resource_type, entry.resource_id) == ("user.permission.grant", "user", str(user.pk))
    assert (entry.admin_id, entry.old_values, entry.new_values) == (by.admin_id, None, {**named, "reason": WHY})
    assert (entry.outcome, entry.result.details) == ("done", {"changed": True})
    assert revoke(by, user.pk, name, context) is True
    assert held(user.pk, context) == set()
    entry = last_entry()
    assert (entry.action, entry.old_values, entry.new_values) == ("user.permission.revoke", named, {"reason": WHY})
    assert entry.outcome == "done"


def test_what_changes_nothing_says_so():
    by, user = actor("*"), UserFactory(permissions={"web": ["web.view_order"]})
    assert grant(by, user.pk, "web.view_order", Context.WEB) is False
    assert last_entry().result.details == {"changed": False}
    assert revoke(by, user.pk, "web.view_payment", Context.WEB) is False
    assert held(user.pk, "web") == {"web.view_order"}


def test_who_may_change_permissions_gives_what_they_hold_themselves():
    by, user = actor(MAY_CHANGE, "web.view_order"), UserFactory()
    assert grant(by, user.pk, "web.view_order", Context.WEB)
    assert held(user.pk, "web") == {"web.view_order"}


REFUSED = {
    "what they do not hold": ((MAY_CHANGE, "web.view_order"), grant, "web.change_order", "admin", "do not hold"),
    "everything": ((MAY_CHANGE,), grant, "*", "admin", "do not hold"),
    "everything elsewhere": ((MAY_CHANGE,), grant, "*", "web", "do not hold"),
    "anything": (("web.view_order",), grant, "web.view_order", "admin", "takes the permission 'identity.change"),
    "nothing at all": ((), grant, "web.view_order", "admin", "takes the permission 'identity.change"),
    "taking": (("web.view_order",), revoke, "web.view_payment", "admin", "takes the permission 'identity.change"),
    "taking what they do not hold": ((MAY_CHANGE,), revoke, "web.view_payment", "admin", "do not hold"),
    "taking everything": ((MAY_CHANGE,), revoke, "*", "admin", "do not hold"),
    "taking everything elsewhere": ((MAY_CHANGE,), revoke, "*", "web", "do not hold"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_recorded_as_denied_and_changes_nothing(case, everything):
    permissions, change, name, context, why = REFUSED[case]
    by = actor(*permissions)
    user = UserFactory(permissions={"admin": ["*", "web.view_payment"], "web": ["*"]})
    if change is grant:
        user = UserFactory()
    before = everything()
    with pytest.raises(PermissionDenied, match=why):
        change(by, user.pk, name, Context(context))
    assert everything() == before
    assert last_entry().outcome == "denied"
    assert why in last_entry().result.details["reason"]


def test_a_permission_of_another_context_does_not_make_an_operator(everything):
    user = UserFactory(permissions={"web": ["*"], "telegram": ["*"]})
    before = everything()
    with pytest.raises(PermissionDenied):
        grant(Actor(user.pk), user.pk, "*")
    assert everything() == before


@pytest.mark.parametrize(
    ("name", "context"),
    [
        ("web.view_nothing", "admin"),
        ("bot.view_all", "web"),
        ("web.view_order", "telegram"),
        ("", "web"),
        ("**", "web"),
    ],
)
def test_a_name_that_nobody_knows_there_is_refused_even_to_who_holds_everything(name, context, everything):
    by, user = actor("*"), UserFactory()
    before = everything()
    with pytest.raises(WrongPermissionChange, match="There is no permission"):
        grant(by, user.pk, name, Context(context))
    assert everything() == before
    assert last_entry().outcome == "failed"


def test_an_account_that_a_stranger_may_have_opened_becomes_no_operators(everything):
    by, user = actor("*"), UserFactory(email_verified=False)
    before = everything()
    with pytest.raises(WrongPermissionChange, match="not confirmed"):
        grant(by, user.pk, "web.view_order")
    assert everything() == before
    assert last_entry().outcome == "failed"
    assert grant(by, user.pk, "bot.view_all", Context.TELEGRAM)


def test_a_name_that_nobody_knows_any_more_can_be_taken_back():
    by, user = actor("*"), UserFactory(permissions={"admin": ["orders.of_old"]})
    assert revoke(by, user.pk, "orders.of_old")
    assert held(user.pk, "admin") == set()


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
@pytest.mark.parametrize("change", [grant, revoke])
def test_it_takes_a_reason(reason, change, everything):
    by, user = actor("*"), UserFactory(permissions={"web": ["web.view_payment"]})
    before = everything()
    with pytest.raises(ReasonMissing, match="Say why"):
        change(by, user.pk, "web.view_payment", Context.WEB, reason)
    assert everything() == before


# --- the last who holds everything


def test_nobody_takes_their_own_everything_away(everything):
    by = actor("*")
    actor("*")
    before = everything()
    with pytest.raises(PermissionDenied, match="your own"):
        revoke(by, by.admin_id, "*")
    assert everything() == before
    assert last_entry().outcome == "denied"


def test_their_own_everything_of_another_context_is_not_the_platforms():
    user = UserFactory(permissions={"admin": ["*"], "web": ["*"]})
    assert revoke(Actor(user.pk), user.pk, "*", Context.WEB)
    assert held(user.pk, "admin") == {"*"}


def test_of_two_who_take_everything_from_each_other_one_keeps_it(world):
    first, second = actor("*"), actor("*")
    start, refused = threading.Barrier(2), []

    def take(by, other):
        start.wait()
        try:
            revoke(by, other.admin_id, "*")
        except PermissionDenied:
            refused.append(by.admin_id)
        finally:
            connections.close_all()

    for _ in range(5):
        UserPermission.objects.filter(permission="*").delete()
        for each in (first, second):
            UserPermission.objects.create(user_id=each.admin_id, permission="*", application_context="admin")
        refused.clear()
        threads = [threading.Thread(target=take, args=pair) for pair in ((first, second), (second, first))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        left = list(UserPermission.objects.filter(permission="*").values_list("user_id", flat=True))
        assert len(left) == 1
        assert refused == [each.admin_id for each in (first, second) if each.admin_id not in left]


def test_who_has_just_lost_the_right_gives_nothing_more_whatever_is_cached(as_context):
    user = UserFactory(permissions={"admin": ["*"]})
    by = Actor(user.pk)
    assert UserCache(Context.ADMIN).get_user(user.pk).is_superuser
    with as_context(None):
        UserPermission.objects.all().delete()  # past every invalidation
    assert UserCache(Context.ADMIN).get_user(user.pk).is_superuser
    with pytest.raises(PermissionDenied):
        grant(by, user.pk, "*")


# --- the other processes


def test_a_grant_and_its_end_are_effective_at_once_in_the_other_processes(as_context, processes):
    by, user = actor("*"), UserFactory()
    keys = {}
    for context in (Context.WEB, Context.TELEGRAM):
        with as_context(context):
            keys[context] = session_open(user=user).session_key

    def told(context):
        with processes[context].client() as client:
            me = client.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {keys[context]}"})
        return me.json()["permissions"]

    for context, name in ((Context.WEB, "web.view_order"), (Context.TELEGRAM, "bot.view_all")):
        assert told(context) == []
        grant(by, user.pk, name, context)
        assert told(context) == [name]
        revoke(by, user.pk, name, context)
        assert told(context) == []
