"""The history page of any resource: its rows of the audit trail."""

from collections.abc import Iterator
from typing import Any

from django.contrib.admin import ModelAdmin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from admin_panel.adapter import AdminAdapter
from admin_panel.models import AuditLog, Outcome
from admin_panel.models.audit_log import UNFINISHED
from admin_panel.panel.paginator import BoundedPaginator
from admin_panel.panel.people import attach_people
from admin_panel.redaction import REDACTED
from admin_panel.resources import resource_type

PER_PAGE = 50
OUTCOME_LABELS: dict[str, str] = {
    Outcome.DONE: "success",
    Outcome.FAILED: "danger",
    Outcome.DENIED: "warning",
    UNFINISHED: "info",
}


def may_see_history(request: HttpRequest) -> bool:
    """The trail names operators and their addresses, so it takes a permission of its own."""
    return request.user.has_perm("admin_panel.view_auditlog")


def history_page(
    request: HttpRequest, model_admin: ModelAdmin, resource: Model, resource_id: str, extra_context: dict[str, Any]
) -> HttpResponse:
    """Who did what to ``resource``, which the trail knows by ``resource_id``, newest first."""
    logs = AdminAdapter().find_resource_history(resource_type(type(resource)), resource_id)
    page = BoundedPaginator(logs, PER_PAGE).get_page(request.GET.get("p", 1))
    entries = list(page.object_list)
    attach_people(request, entries, "admin_id")
    context = {
        **model_admin.admin_site.each_context(request),
        "title": f"History of {model_admin.opts.verbose_name} {resource}",
        "subtitle": None,
        "page": page,
        "entries": [(entry, OUTCOME_LABELS[entry.outcome], list(changes(entry))) for entry in entries],
        "object": resource,
        "opts": model_admin.opts,
        **extra_context,
    }
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(request, "admin/audit_history.html", context)


def changes(entry: AuditLog) -> Iterator[tuple[str, Any, Any]]:
    """``(name, before, after)`` of every value that the action changed; None is none."""
    old, new = _values(entry.old_values), _values(entry.new_values)
    for name in sorted({**old, **new}):
        before, after = old.get(name), new.get(name)
        if before != after or REDACTED in (before, after):
            yield name, before, after


def _values(document: Any) -> dict[str, Any]:
    """The named values of a document; one that is no JSON object counts as a single value."""
    if document is None:
        return {}
    return document if isinstance(document, dict) else {"value": document}
