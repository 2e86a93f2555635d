from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from unfold.dataclasses import SearchResult
from unfold.sites import UnfoldAdminSite

from admin_panel.panel.factor import enrol_view, factor_view
from admin_panel.panel.login import OperatorLoginForm
from admin_panel.panel.navigation import navigation
from admin_panel.panel.queue import queue_view
from identity.known_devices import device_remember

# Passwords are changed where the change is audited; and Django's "view on site" asks the identity database for
# every model's row, wherever it lives.
_NOT_SERVED = {"password_change", "password_change_done", "view_on_site"}

View = Callable[..., HttpResponse]


class OperatorsSite(UnfoldAdminSite):
    """The operators' panel."""

    login_form = OperatorLoginForm
    index_title = "Dashboard"

    def get_urls(self) -> list[URLPattern]:
        served = [pattern for pattern in super().get_urls() if getattr(pattern, "name", None) not in _NOT_SERVED]
        return [
            path("queue/", self.admin_view(self.queue), name="queue"),
            path("second-factor/", self.admin_view(self.second_factor), name="second_factor"),
            path("second-factor/new/", self.admin_view(self.second_factor_new), name="second_factor_new"),
            *served,
        ]

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """A page for operators, which no NUL reaches in a form or a query: PostgreSQL's text holds none."""
        page: View = super().admin_view(_without_nul(view), cacheable)
        return page

    def queue(self, request: HttpRequest) -> HttpResponse:
        """All that waits for an operator."""
        return queue_view(request, self.each_context(request))

    def second_factor(self, request: HttpRequest) -> HttpResponse:
        """Where a code is asked for: after the password, and before what takes a fresh one."""
        return factor_view(request, self.each_context(request))

    def second_factor_new(self, request: HttpRequest) -> HttpResponse:
        """Where an operator sets a second factor up."""
        return enrol_view(request, self.each_context(request))

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The form, which after a login marks the browser as one that the account has been in."""
        response: HttpResponse = super().login(request, extra_context)
        if request.method == "POST" and response.status_code == HTTPStatus.FOUND:
            device_remember(response, email=request.user.get_username())
        return response

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The pages of the sidebar whose name holds what was typed; unfold's own keeps pickles in the cache."""
        term = request.GET.get("s", "").strip().lower()
        found = [
            SearchResult(title=item["title"], description=group.get("title", ""), link=item["link"], icon=item["icon"])
            for group in navigation(request)
            for item in group["items"]
            if term and term in f"{item['title']} {group.get('title', '')}".lower()
        ]
        return TemplateResponse(request, "unfold/helpers/search_results.html", {"results": found})


def _without_nul(view: View) -> View:
    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        for sent in (request.GET, request.POST):
            if any("\0" in text for name, values in sent.lists() for text in (name, *values)):
                raise BadRequest("There is a NUL in what was sent.")
        return view(request, *args, **kwargs)

    return checked
