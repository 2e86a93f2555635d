"""Ending people's sessions from the panel."""

from uuid import UUID

from admin_panel.resources import Resource, resource_type
from admin_panel.services.actors import Actor
from admin_panel.services.audit import audited
from admin_panel.services.permissions import require_permission
from exchanger.kernel.contexts import Context
from identity.models import User
from identity.services.sessions import user_sessions_revoke

MAY_END = "identity.delete_session"


def operator_sessions_end(
    *, actor: Actor, user_id: UUID, context: Context | None = None, session_id: str | None = None
) -> dict[str, int]:
    """End a person's sessions: all, those of one context, or one; returns how many ended, by context.

    Raises:
        PermissionDenied: the operator may not end sessions.
    """
    which = {"application_context": context.value if context else None, "session": session_id}
    with audited(
        actor,
        action="user.session.revoke",
        resource=Resource(resource_type(User), str(user_id)),
        new={name: value for name, value in which.items() if value is not None} or {"application_context": "all"},
    ) as attempt:
        require_permission(actor, MAY_END)
        ended = user_sessions_revoke(user_id=user_id, context=context, session_id=session_id)
        attempt.note(ended=ended)
    return ended
