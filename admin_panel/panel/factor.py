"""The pages of the second factor: where a code is asked for, and where an operator sets one up."""

from typing import Any
from uuid import UUID

import segno
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from admin_panel.adapter import AdminAdapter
from admin_panel.second_factor import has_factor, has_passed, is_fresh, session_pass
from admin_panel.services.actors import actor_of
from admin_panel.services.factors import Begun, factor_check, factor_confirm, factor_enrol, factor_show
from exchanger.kernel.refusals import Refused
from identity.session_values import stored_id

BEGUN = "second_factor_begun"  # in a session: the factor that was begun in it, by its id
FEW_CODES = 3


@never_cache
@require_http_methods(["GET", "POST"])
def factor_view(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    user: Any = request.user
    if not has_factor(user.pk):
        return _redirect("admin:second_factor_new", request)
    refusal = ""
    if request.method == "POST":
        try:
            factor_check(actor=actor_of(request), code=request.POST.get("code", ""))
        except Refused as refused:
            refusal = str(refused)
        else:
            _pass(request)
            left = AdminAdapter().count_recovery_codes(user.pk)
            if left <= FEW_CODES:
                messages.warning(request, f"You have {left} recovery codes left: set your second factor up anew.")
            return HttpResponseRedirect(_next(request))
    shown = {**context, "title": "Second factor", "refusal": refusal, "next": _next(request)}
    return TemplateResponse(request, "admin_panel/second_factor.html", shown)


@never_cache
@require_http_methods(["GET", "POST"])
def enrol_view(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Begin a factor, confirm it, and show its recovery codes once: three answers of one page.

    Whoever has a factor replaces it with a fresh code of it alone.
    """
    user: Any = request.user
    replaces = has_factor(user.pk)
    if replaces and not (has_passed(request.session) and is_fresh(request.session)):
        return HttpResponseRedirect(f"{reverse('admin:second_factor')}?{urlencode({'next': request.path})}")
    shown = {**context, "title": "Set up your second factor", "next": _next(request), "replaces": replaces}
    if request.method == "POST":
        try:
            shown |= _confirmed(request, replaces) if "code" in request.POST else _begun(request, replaces)
        except Refused as refused:
            shown |= {"refusal": str(refused), **_still_begun(request)}
    return TemplateResponse(request, "admin_panel/second_factor_new.html", shown)


def _begun(request: HttpRequest, replaces: bool) -> dict[str, Any]:
    user: Any = request.user
    begun = factor_enrol(actor=actor_of(request), email=user.email, may_replace=replaces)
    request.session[BEGUN] = str(begun.id)
    return _drawn(begun)


def _still_begun(request: HttpRequest) -> dict[str, Any]:
    """What this session has begun, shown to it again after a wrong code."""
    user: Any = request.user
    begun_id = request.session.get(BEGUN)
    found = factor_show(user_id=user.pk, email=user.email, factor_id=UUID(begun_id)) if begun_id else None
    return _drawn(found) if found is not None else {}


def _confirmed(request: HttpRequest, replaces: bool) -> dict[str, Any]:
    codes = factor_confirm(
        actor=actor_of(request),
        factor_id=UUID(request.session.get(BEGUN) or str(UUID(int=0))),
        code=request.POST["code"],
        may_replace=replaces,
        keep_session=stored_id(request.session.session_key or ""),
    )
    del request.session[BEGUN]
    _pass(request)
    return {"recovery_codes": codes}


def _drawn(begun: Begun) -> dict[str, Any]:
    spaced = " ".join(begun.secret[at : at + 4] for at in range(0, len(begun.secret), 4))
    return {"secret": spaced, "qr": segno.make(begun.address, error="m").svg_inline(scale=4, light="white")}


def _pass(request: HttpRequest) -> None:
    """Mark the session; the first code makes a half of a session a whole one, which gets a key of its own."""
    first = not has_passed(request.session)
    session_pass(request.session)
    if first:
        request.session.cycle_key()


def _next(request: HttpRequest) -> str:
    """The page of ours that was asked for, or the first one."""
    asked = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(asked, {request.get_host()}, require_https=request.is_secure()):
        return asked
    return reverse("admin:index")


def _redirect(name: str, request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(f"{reverse(name)}?{urlencode({'next': _next(request)})}")
