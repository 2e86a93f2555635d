"""Buttons: what a page's forms post to, for the operators who see the page."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from admin_panel.second_factor import is_fresh
from exchanger.kernel.refusals import Refused

QUEUE = "queue"
STEP_UP = "This takes a fresh code, and nothing was done yet: give one, then do it again."

Action = Callable[[HttpRequest, Any], HttpResponse]


class PostedActions:
    """For a ModelAdmin: makes views of what buttons do to the row in the address."""

    def posted(self, action: Action, *, step_up: bool = False) -> Callable[..., HttpResponse]:
        """``action`` as a view; what it refuses becomes a message on the row's page, a currency that was given up too.

        ``step_up``: it takes a code of the second factor that was given in the last minutes; without one nothing is
        done, and the operator is asked for it and comes back to the page of the button.
        """

        def answer(request: HttpRequest, object_id: str) -> HttpResponse:
            if not self.has_view_permission(request):  # type: ignore[attr-defined]
                raise PermissionDenied
            row = self.get_object(request, unquote(object_id))  # type: ignore[attr-defined]
            if row is None:
                raise Http404
            if step_up and not is_fresh(request.session):
                messages.warning(request, STEP_UP)
                return HttpResponseRedirect(
                    f"{reverse('admin:second_factor')}?{urlencode({'next': back_from(request, row)['Location']})}"
                )
            try:
                return action(request, row)
            except (PermissionDenied, Refused) as refused:
                messages.error(request, str(refused))
                return back_from(request, row)

        wrapped: Any = self.admin_site.admin_view(require_POST(answer))  # type: ignore[attr-defined]
        wrapped.model_admin = self
        view: Callable[..., HttpResponse] = wrapped
        return view


def back_to(row: Model) -> HttpResponse:
    meta = row._meta
    return HttpResponseRedirect(reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk]))


def back_from(request: HttpRequest, row: Model) -> HttpResponse:
    """To the page that the button was on: the queue, or the row's own."""
    if request.POST.get("back") == QUEUE:
        return HttpResponseRedirect(reverse("admin:queue"))
    return back_to(row)


def reason_of(request: HttpRequest) -> str:
    return request.POST.get("reason", "").strip()
