"""Blocking people, in every application at once, and letting them in again."""

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction

from admin_panel.resources import Resource, resource_type
from admin_panel.services.actors import Actor
from admin_panel.services.audit import audited
from admin_panel.services.permissions import lock_held, require_reason
from exchanger.kernel.contexts import IDENTITY, Context
from identity.models import SUPERUSER, User, UserPermission
from identity.services.users import user_block, user_unblock

MAY_BLOCK = "identity.block_user"


def operator_user_block(*, actor: Actor, user_id: UUID, reason: str) -> bool:
    """Keep a person out of every application from now on, and end their sessions; False: blocked already.

    Who holds ``*`` in the admin context is never kept out by themselves, so one always can let the others in.

    Raises:
        PermissionDenied: the operator may not block people, or not this one: themselves, and operators, whom only who
            holds ``*`` in the admin context blocks.
        ReasonMissing
    """
    with audited(actor, action="user.block", resource=_user(user_id), new={"reason": reason}) as attempt:
        require_reason(reason)
        with transaction.atomic(using=IDENTITY):
            _require_authority(actor, user_id)
            changed = user_block(user_id=user_id)
        attempt.note(changed=changed)
    return changed


def operator_user_unblock(*, actor: Actor, user_id: UUID, reason: str) -> bool:
    """Let a person in again, by a new login; False: they were not blocked.

    Raises:
        PermissionDenied: the operator may not block people, or not this one.
        ReasonMissing
    """
    with audited(actor, action="user.unblock", resource=_user(user_id), new={"reason": reason}) as attempt:
        require_reason(reason)
        with transaction.atomic(using=IDENTITY):
            _require_authority(actor, user_id)
            changed = user_unblock(user_id=user_id)
        attempt.note(changed=changed)
    return changed


def _require_authority(actor: Actor, user_id: UUID) -> None:
    """Until the transaction ends nobody else blocks, gives or takes: of two who block each other, the first does."""
    held = lock_held(actor, MAY_BLOCK)
    if User.objects.filter(pk=actor.admin_id, blocked_at__isnull=False).exists():
        raise PermissionDenied("Your account has been blocked.")
    if user_id == actor.admin_id:
        raise PermissionDenied("You cannot block yourself.")
    is_operator = UserPermission.objects.filter(user_id=user_id, application_context=Context.ADMIN).exists()
    if is_operator and SUPERUSER not in held:
        raise PermissionDenied("They are an operator: only who holds '*' in the admin context blocks one.")


def _user(user_id: UUID) -> Resource:
    return Resource(resource_type(User), str(user_id))
