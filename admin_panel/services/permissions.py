"""What an operator gives and takes: each change with a reason, in the audit trail, and never beyond what they hold."""

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction

from admin_panel.resources import Resource, resource_type
from admin_panel.services.actors import Actor
from admin_panel.services.audit import audited
from exchanger.kernel.contexts import IDENTITY, Context
from exchanger.kernel.refusals import Refused
from identity.models import SUPERUSER, User, UserPermission
from identity.permission_names import known_permissions
from identity.services.permissions import permission_grant, permission_revoke

MAY_CHANGE = "identity.change_userpermission"
REASON_LENGTH = 500


class WrongPermissionChange(Refused):
    """The change makes no sense as it was asked for; the message says what does."""

    def __init__(self, message: str) -> None:
        super().__init__("wrong_permission_change", message)


class ReasonMissing(Refused):
    """What needs a reason was asked for without one, or with one that is too long."""

    def __init__(self) -> None:
        super().__init__("reason_missing", f"Say why, in at most {REASON_LENGTH} characters.")


def operator_permission_grant(*, actor: Actor, user_id: UUID, permission: str, context: Context, reason: str) -> bool:
    """Grant ``permission`` to a person in ``context``; False when they had it already.

    Raises:
        PermissionDenied: the operator may not change permissions, or gives what they do not hold in the admin context.
        WrongPermissionChange: nobody knows such a permission there, or it would make an operator of an account whose
            address nobody has confirmed, which a stranger may have opened.
        ReasonMissing
    """
    named = {"permission": permission, "application_context": context.value}
    with audited(
        actor, action="user.permission.grant", resource=_user(user_id), new={**named, "reason": reason}
    ) as attempt:
        require_reason(reason)
        if permission not in known_permissions(context):
            raise WrongPermissionChange(f"There is no permission '{permission}' in {context}.")
        with transaction.atomic(using=IDENTITY):
            held = lock_held(actor, MAY_CHANGE)
            if not held & {permission, SUPERUSER}:
                raise PermissionDenied(f"You do not hold '{permission}' yourself, so you cannot give it.")
            if context is Context.ADMIN and User.objects.filter(pk=user_id, email_verified=False).exists():
                raise WrongPermissionChange("Their address is not confirmed: have them confirm it by mail first.")
            wanted = {"user_id": user_id, "permission": permission, "application_context": context}
            changed = not UserPermission.objects.filter(**wanted).exists()
            permission_grant(user_id=user_id, permission=permission, context=context)
        attempt.note(changed=changed)
    return changed


def operator_permission_revoke(*, actor: Actor, user_id: UUID, permission: str, context: Context, reason: str) -> bool:
    """Take a permission back; False when the person did not have it.

    Who holds ``*`` in the admin context takes it from others and never from themselves, so one always keeps it.

    Raises:
        PermissionDenied: the operator may not change permissions, takes what they do not hold in the admin context, or
            takes their own ``*`` of it.
        ReasonMissing
    """
    named = {"permission": permission, "application_context": context.value}
    with audited(
        actor, action="user.permission.revoke", resource=_user(user_id), old=named, new={"reason": reason}
    ) as attempt:
        require_reason(reason)
        with transaction.atomic(using=IDENTITY):
            held = lock_held(actor, MAY_CHANGE)
            if not held & {permission, SUPERUSER}:
                raise PermissionDenied(f"You do not hold '{permission}' yourself, so you cannot take it away.")
            if permission == SUPERUSER and context is Context.ADMIN and user_id == actor.admin_id:
                raise PermissionDenied("You cannot take your own '*' away: somebody else who holds it can.")
            changed = permission_revoke(user_id=user_id, permission=permission, context=context)
        attempt.note(changed=changed)
    return changed


def held_permissions(actor: Actor) -> frozenset[str]:
    """What the operator holds in the admin context, as PostgreSQL has it now."""
    held = UserPermission.objects.filter(application_context=Context.ADMIN, user_id=actor.admin_id)
    return frozenset(held.values_list("permission", flat=True))


def lock_held(actor: Actor, needed: str) -> frozenset[str]:
    """The same, held fast until the transaction ends; ``needed`` is among it.

    Every change locks every ``*`` of the admin context first, in one order: of two who take it from each other, the
    second waits, and then no longer holds it.

    Raises:
        PermissionDenied: the operator does not hold ``needed``.
    """
    in_admin = UserPermission.objects.filter(application_context=Context.ADMIN).order_by("id").select_for_update()
    superusers = set(in_admin.filter(permission=SUPERUSER).values_list("user_id", flat=True))
    held = set(
        in_admin.filter(user_id=actor.admin_id).exclude(permission=SUPERUSER).values_list("permission", flat=True)
    )
    if actor.admin_id in superusers:
        held.add(SUPERUSER)
    _require(frozenset(held), needed)
    return frozenset(held)


def require_permission(actor: Actor, permission: str) -> None:
    """Raises PermissionDenied: the operator does not hold it in the admin context, as PostgreSQL has it now."""
    _require(held_permissions(actor), permission)


def require_reason(reason: str) -> None:
    """Raises ReasonMissing."""
    if not reason.strip() or len(reason) > REASON_LENGTH:
        raise ReasonMissing


def _require(held: frozenset[str], permission: str) -> None:
    if not held & {permission, SUPERUSER}:
        raise PermissionDenied(f"This takes the permission '{permission}': ask an administrator for it.")


def _user(user_id: UUID) -> Resource:
    return Resource(resource_type(User), str(user_id))
