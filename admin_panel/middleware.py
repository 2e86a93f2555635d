"""What stands around every request of the admin context: the audit trail of refusals, the second factor, and htmx."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse

from admin_panel.models import Outcome
from admin_panel.resources import Resource, resource_type
from admin_panel.second_factor import is_whole
from admin_panel.services.actors import actor_of
from admin_panel.services.audit import RECORDED, attempt_record
from exchanger.kernel.openapi.errors import HALF
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


# What opens without the second factor, by the name of its address: coming in, leaving, and what is open to everybody.
OPEN = {
    "healthz", "readyz", "metrics", "schema", "docs", "login", "logout", "second-factor",
    "admin:login", "admin:logout", "admin:second_factor", "admin:second_factor_new",
}  # fmt: skip


class SecondFactor:
    """Nothing but OPEN answers to a session whose person has given the password and not the code yet."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        match = request.resolver_match
        if (match is not None and match.view_name in OPEN) or is_whole(request):
            return None
        if request.path.startswith("/api/"):
            return JsonResponse(HALF.example, status=HALF.status)
        asked = urlencode({"next": request.get_full_path()}) if request.method == "GET" else ""
        return HttpResponseRedirect(f"{reverse('admin:second_factor')}{'?' if asked else ''}{asked}")


class PartsOfPages:
    """Whoever asks for a part of a page (htmx) and is refused it, or sent elsewhere, asks for the whole page anew.

    It says what the matter is, or where to log in; and a part that renews itself is asked for no more.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if "HX-Request" not in request.headers or not 300 <= response.status_code < 500:
            return response
        if response.status_code < 400:  # which a browser would follow before a script hears of it
            response = HttpResponse(status=HTTPStatus.NO_CONTENT)
        response.headers["HX-Refresh"] = "true"
        return response


def _resource(request: HttpRequest) -> Resource:
    """The rows behind a page of the panel or an address of the API; ``page`` where there are none."""
    match = request.resolver_match
    if match is None:
        return Resource("page")
    arguments: dict[str, Any] = match.kwargs
    if "user_id" in arguments:
        return Resource(resource_type(User), str(arguments["user_id"]))
    found = arguments.get("object_id") or arguments.get("pk") or arguments.get("key")
    resource_id = None if found is None else str(found)
    if model_admin := getattr(match.func, "model_admin", None):
        return Resource(resource_type(model_admin.model), resource_id)
    if basename := getattr(match.func, "initkwargs", {}).get("basename"):
        return Resource(basename.replace("-", "_"), resource_id)
    return Resource("page", resource_id)
