"""Granting and revoking, always for one context."""

from uuid import UUID

from django.db import transaction

from exchanger.kernel.contexts import IDENTITY, Context
from identity.cache import invalidate_user_cache
from identity.models import UserPermission


@transaction.atomic(using=IDENTITY)
def permission_grant(*, user_id: UUID, permission: str, context: Context) -> UserPermission:
    """Grant ``permission`` (``*``: all) to a person in ``context``; granting twice changes nothing."""
    granted, created = UserPermission.objects.get_or_create(
        user_id=user_id, permission=permission, application_context=context
    )
    if created:
        invalidate_user_cache(user_id)
    return granted


@transaction.atomic(using=IDENTITY)
def permission_revoke(*, user_id: UUID, permission: str, context: Context) -> bool:
    """Take a permission back; False when the person did not have it."""
    held = UserPermission.objects.filter(user_id=user_id, permission=permission, application_context=context)
    removed, _ = held.delete()
    if removed:
        invalidate_user_cache(user_id)
    return bool(removed)
