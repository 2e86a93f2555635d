"""Versions of a context's configuration document: written, never changed, and put into force, any of them."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from admin_panel.configuration_targets import TARGETS
from admin_panel.models import Configuration
from admin_panel.resources import Resource, resource_type
from admin_panel.services.actors import Actor
from admin_panel.services.audit import audited
from admin_panel.services.permissions import require_permission, require_reason
from exchanger.kernel.contexts import Context
from exchanger.kernel.refusals import Refused

MAY_WRITE = "admin_panel.add_configuration"
MAY_PUBLISH = "admin_panel.change_configuration"


class ConfigurationRefused(Refused):
    """Nothing was written or put into force; the code says why."""

    codes = {
        409: {
            "configuration_newer": "Somebody has written a newer version meanwhile: look at it, and write yours on top"
            " of it."
        }
    }


def operator_configuration_write(
    *, actor: Actor, context: Context, document: Mapping[str, Any], comment: str, based_on: int
) -> Configuration:
    """Keep a new version, which is not in force until it is published. ``based_on`` is the newest that its author saw.

    Raises:
        PermissionDenied: the operator may not write configurations.
        ConfigurationRefused: ``configuration_newer``: somebody has written another version meanwhile.
        exchanger.kernel.documents.InvalidDocument: the document cannot be obeyed.
        admin_panel.services.permissions.ReasonMissing: there is no comment.
    """
    with audited(
        actor,
        action="configuration.write",
        resource=Resource(resource_type(Configuration), context.value),
        old={"version": based_on},
        new={"document": document, "comment": comment},
    ) as attempt:
        require_permission(actor, MAY_WRITE)
        require_reason(comment)
        TARGETS[context].parse(based_on + 1, document)
        written = _write(context, document, comment, based_on, actor.admin_id)
        attempt.note(version=written.version)
    return written


def operator_configuration_publish(*, actor: Actor, configuration_id: UUID, reason: str) -> Configuration:
    """Put a version into force, be it the newest or an older one; the processes obey it within five seconds.

    Raises:
        PermissionDenied: the operator may not publish.
        exchanger.kernel.documents.InvalidDocument: it can no longer be obeyed.
        admin_panel.services.permissions.ReasonMissing
    """
    version = Configuration.objects.get(pk=configuration_id)
    context = Context(version.application_context)
    target = TARGETS[context]
    before = target.in_force()
    with audited(
        actor,
        action="configuration.publish",
        resource=Resource(resource_type(Configuration), context.value),
        old={"version": None if before is None else before.version},
        new={"version": version.version, "reason": reason},
    ):
        require_permission(actor, MAY_PUBLISH)
        require_reason(reason)
        target.publish(version=version.version, document=version.document)
        # The context's own database says what is in force; this is for reading, and a crash before it costs a date.
        version.published_at = timezone.now()
        version.save(update_fields=["published_at"])
    return version


def newest_version(context: Context) -> int:
    """The number of the newest version that was written; 0 where there is none."""
    return Configuration.objects.filter(application_context=context).aggregate(last=Max("version"))["last"] or 0


def _write(context: Context, document: Any, comment: str, based_on: int, author: UUID) -> Configuration:
    message = ConfigurationRefused.codes[409]["configuration_newer"]
    conflict = ConfigurationRefused("configuration_newer", message, status=409)
    if newest_version(context) != based_on:
        raise conflict
    try:
        with transaction.atomic(using="admin"):
            return Configuration.objects.create(
                application_context=context,
                version=based_on + 1,
                document=document,
                comment=comment,
                created_by=author,
            )
    except IntegrityError as error:
        raise conflict from error
