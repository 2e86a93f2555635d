"""What makes every ModelAdmin of the panel write its intents, without a line in it that says so."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse

from admin_panel.resources import resource_type
from admin_panel.services.actors import actor_of
from admin_panel.services.audit import audited


class AuditedWrites:
    """Whatever a page saves or deletes is in the audit trail before it is in its table.

    The views of a ModelAdmin run in a transaction, so the outcomes wait for its end: they are recorded when the view
    is left. A page that does its work through a service overrides ``save_model`` and leaves the entry to the service.
    """

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        with _settled(request):
            page: HttpResponse = super().changeform_view(  # type: ignore[misc]
                request, object_id, form_url, extra_context
            )
        return page

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        with _settled(request):
            page: HttpResponse = super().changelist_view(request, extra_context)  # type: ignore[misc]
        return page

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        with _settled(request):
            page: HttpResponse = super().delete_view(request, object_id, extra_context)  # type: ignore[misc]
        return page

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        _announce_saved(request, obj, form, change=change)
        super().save_model(request, obj, form, change)  # type: ignore[misc]

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        for inline in formset.initial_forms:
            if inline in formset.deleted_forms:
                _announce_deleted(request, [inline.instance])
            elif inline.has_changed():
                _announce_saved(request, inline.instance, inline, change=True)
        for inline in formset.extra_forms:
            if inline.has_changed() and inline not in formset.deleted_forms:
                _announce_saved(request, inline.instance, inline, change=False)
        super().save_formset(request, form, formset, change)  # type: ignore[misc]

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        _announce_deleted(request, [obj])
        super().delete_model(request, obj)  # type: ignore[misc]

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        _announce_deleted(request, queryset)
        super().delete_queryset(request, queryset)  # type: ignore[misc]


@contextmanager
def _settled(request: HttpRequest) -> Iterator[None]:
    """What is announced inside gets its outcome when the block, and with it the transaction in it, has ended."""
    holder: Any = request
    with ExitStack() as announced:
        holder.announced = announced
        try:
            yield
        finally:
            del holder.announced  # so that a later write fails for want of it, and is not left without an outcome


def _announce(request: HttpRequest, verb: str, row: Model, **values: dict[str, Any]) -> None:
    """Commit the intent now; its outcome comes with the end of ``_settled``."""
    announced: ExitStack = request.announced  # type: ignore[attr-defined]
    kind = resource_type(type(row))
    announced.enter_context(audited(actor_of(request), action=f"{kind}.{verb}", resource=row, **values))


def _announce_saved(request: HttpRequest, row: Model, form: Any, *, change: bool) -> None:
    fields = [field for field in row._meta.concrete_fields if field.name in form.changed_data]
    new = {field.name: field.value_from_object(row) for field in fields}
    if change:
        old = {field.name: form.initial.get(field.name) for field in fields}
        _announce(request, "update", row, old=old, new=new)
    else:
        _announce(request, "create", row, new=new)


def _announce_deleted(request: HttpRequest, rows: Iterable[Model]) -> None:
    for row in rows:
        old = {field.name: field.value_from_object(row) for field in row._meta.concrete_fields}
        _announce(request, "delete", row, old=old)
