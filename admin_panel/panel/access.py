"""What a person may do, and where they are logged in: on the person's page, to see and to change."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import logout
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from admin_panel.adapter import AdminAdapter
from admin_panel.panel.posted import PostedActions, back_to, reason_of
from admin_panel.services.actors import actor_of
from admin_panel.services.blocking import MAY_BLOCK, operator_user_block, operator_user_unblock
from admin_panel.services.factors import MAY_RESET, operator_factor_reset
from admin_panel.services.permissions import (
    MAY_CHANGE,
    REASON_LENGTH,
    WrongPermissionChange,
    operator_permission_grant,
    operator_permission_revoke,
)
from admin_panel.services.sessions import MAY_END, operator_sessions_end
from exchanger.kernel.contexts import Context
from identity.adapter import IdentityAdapter
from identity.devices import device_name
from identity.models import User, UserPermission
from identity.permission_names import known_permissions

MAY_SEE_PERMISSIONS = "identity.view_userpermission"
MAY_SEE_SESSIONS = "identity.view_session"
SESSIONS_SHOWN = 50
_NONE = "There was no such session any more."
CONTEXT_LABELS: dict[str, str] = {Context.WEB: "info", Context.ADMIN: "danger", Context.TELEGRAM: "primary"}


class AccessPages(PostedActions):
    """For the ModelAdmin of people: blocks below the form, and the addresses that their buttons post to."""

    def get_urls(self) -> list[URLPattern]:
        views = {
            "grant": self.posted(self.grant_view, step_up=True),
            "revoke": self.posted(self.revoke_view, step_up=True),
            "reset_factor": self.posted(self.reset_factor_view, step_up=True),
            "end_sessions": self.posted(self.end_sessions_view),
            "block": self.posted(self.block_view),
            "unblock": self.posted(self.unblock_view, step_up=True),
        }
        own = [path(f"<path:object_id>/{name}/", view, name=f"identity_user_{name}") for name, view in views.items()]
        return [*own, *super().get_urls()]  # type: ignore[misc]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Any = None, **options: Any
    ) -> HttpResponse:
        if obj is not None:
            context |= _access(request, obj)
        page: HttpResponse = super().render_change_form(  # type: ignore[misc]
            request, context, *args, obj=obj, **options
        )
        return page

    def grant_view(self, request: HttpRequest, user: User) -> HttpResponse:
        context, permission = _chosen(request)
        granted = operator_permission_grant(
            actor=actor_of(request), user_id=user.pk, permission=permission, context=context, reason=reason_of(request)
        )
        told = f"{user} now holds {permission} in {context}." if granted else f"{user} held {permission} already."
        messages.success(request, told)
        return back_to(user)

    def revoke_view(self, request: HttpRequest, user: User) -> HttpResponse:
        context, permission = _chosen(request)
        revoked = operator_permission_revoke(
            actor=actor_of(request), user_id=user.pk, permission=permission, context=context, reason=reason_of(request)
        )
        told = f"{user} no longer holds {permission} in {context}." if revoked else f"{user} did not hold {permission}."
        messages.success(request, told)
        return back_to(user)

    def reset_factor_view(self, request: HttpRequest, user: User) -> HttpResponse:
        reset = operator_factor_reset(actor=actor_of(request), user_id=user.pk, reason=reason_of(request))
        told = (
            f"{user} has no second factor any more, and is logged out of the panel."
            if reset
            else f"{user} had no second factor."
        )
        messages.success(request, told)
        return back_to(user)

    def block_view(self, request: HttpRequest, user: User) -> HttpResponse:
        blocked = operator_user_block(actor=actor_of(request), user_id=user.pk, reason=reason_of(request))
        told = f"{user} is blocked, and logged out everywhere." if blocked else f"{user} was blocked already."
        messages.success(request, told)
        return back_to(user)

    def unblock_view(self, request: HttpRequest, user: User) -> HttpResponse:
        unblocked = operator_user_unblock(actor=actor_of(request), user_id=user.pk, reason=reason_of(request))
        messages.success(request, f"{user} may log in again." if unblocked else f"{user} was not blocked.")
        return back_to(user)

    def end_sessions_view(self, request: HttpRequest, user: User) -> HttpResponse:
        which = {name: request.POST[name] for name in ("context", "session") if name in request.POST}
        if len(which) > 1 or "" in which.values():
            raise BadRequest("An application is named, or a session; or neither, which is all of them.")
        ended = operator_sessions_end(
            actor=actor_of(request),
            user_id=user.pk,
            context=_context(which["context"]) if "context" in which else None,
            session_id=which.get("session"),
        )
        if user.pk == request.user.pk and not IdentityAdapter(Context.ADMIN).find_session(
            request.session.session_key or ""
        ):
            logout(request)  # it was the one that asked, which has nothing left to keep a message in
            return HttpResponseRedirect(reverse("admin:login"))
        total = sum(ended.values())
        messages.success(request, f"{total} session{'' if total == 1 else 's'} of {user} ended." if total else _NONE)
        return back_to(user)


def _access(request: HttpRequest, user: User) -> dict[str, Any]:
    """What the template shows to this operator: a statement for the permissions, and two for the sessions."""
    user_id = user.pk
    may_block = user_id != request.user.pk and request.user.has_perm(MAY_BLOCK)
    shown: dict[str, Any] = {"reason_length": REASON_LENGTH, "may_block": may_block, "blocked_at": user.blocked_at}
    if request.user.has_perm(MAY_SEE_PERMISSIONS):
        rows = UserPermission.objects.filter(user_id=user_id).order_by("application_context", "permission")
        held = [(row, CONTEXT_LABELS[row.application_context]) for row in rows]
        shown["permissions"] = held
        if request.user.has_perm(MAY_CHANGE):
            shown["grantable"] = _grantable(request.user, {(r.application_context, r.permission) for r, _ in held})
            shown["may_change_permissions"] = True
    if user_id != request.user.pk and request.user.has_perm(MAY_RESET):
        shown["factor"] = AdminAdapter().find_factor(user_id)
    if request.user.has_perm(MAY_SEE_SESSIONS):
        adapter = IdentityAdapter(Context.ADMIN)
        counts = adapter.count_sessions_everywhere(user_id)
        sessions = adapter.find_sessions_everywhere(user_id, limit=SESSIONS_SHOWN)
        shown["session_counts"] = [(context.value, CONTEXT_LABELS[context], live) for context, live in counts.items()]
        shown["live_sessions"] = sum(counts.values())
        shown["sessions"] = [
            (session, CONTEXT_LABELS[session.application_context], device_name(session.user_agent))
            for session in sessions
        ]
        shown["may_end_sessions"] = request.user.has_perm(MAY_END)
    return shown


def _grantable(operator: Any, held: set[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """By context, what the operator may give and the person does not have; what counts is asked again on granting."""
    return [
        (
            context.value,
            sorted(
                name
                for name in known_permissions(context)
                if (context.value, name) not in held and (operator.is_superuser or name in operator.granted)
            ),
        )
        for context in Context
    ]


def _chosen(request: HttpRequest) -> tuple[Context, str]:
    """``context:permission``, as the page's lists name them."""
    context, _, permission = request.POST.get("permission", "").partition(":")
    return _context(context), permission


def _context(name: str) -> Context:
    try:
        return Context(name)
    except ValueError:
        raise WrongPermissionChange("Choose one of the applications on the page.") from None
