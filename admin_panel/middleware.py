"""Every refusal that an operator meets is in the audit trail, whoever refused."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from admin_panel.models import Outcome
from admin_panel.resources import Resource, resource_type
from admin_panel.services.actors import actor_of
from admin_panel.services.audit import RECORDED, attempt_record
from identity.models import User


class AuditDenials:
    """Records each 403 that somebody who is logged in gets, unless ``audited`` has done so."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == 403 and RECORDED not in request.META and request.user.is_authenticated:
            attempt_record(
                actor=actor_of(request),
                action="access.denied",
                resource=_resource(request),
                outcome=Outcome.DENIED,
                new={"method": request.method, "path": request.path},
            )
        return response


def _resource(request: HttpRequest) -> Resource:
    """The rows behind a page of the panel or an address of the API; ``page`` where there are none."""
    match = request.resolver_match
    if match is None:
        return Resource("page")
    arguments: dict[str, Any] = match.kwargs
    if "user_id" in arguments:
        return Resource(resource_type(User), str(arguments["user_id"]))
    found = arguments.get("object_id") or arguments.get("pk")
    resource_id = None if found is None else str(found)
    if model_admin := getattr(match.func, "model_admin", None):
        return Resource(resource_type(model_admin.model), resource_id)
    if basename := getattr(match.func, "initkwargs", {}).get("basename"):
        return Resource(basename.replace("-", "_"), resource_id)
    return Resource("page", resource_id)
