"""What every page of the operators' panel shares."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.contrib.admin import ShowFacets
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin, TabularInline

from admin_panel.panel.audited import AuditedWrites
from admin_panel.panel.changelist import PanelChangeList
from admin_panel.panel.columns import shown_field
from admin_panel.panel.history import history_page, may_see_history
from admin_panel.panel.paginator import BoundedPaginator
from admin_panel.panel.people import attach_people
from admin_panel.panel.search import find_person_id, search_rows


class ReadOnly:
    """Whoever has ``app.view_model`` sees it, and nobody changes it here."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class PanelAdmin(ReadOnly, AuditedWrites, ModelAdmin):
    """A list that opens with a bounded number of bounded statements, and pages that only show.

    ``ordering`` follows an index and ends with a unique column. ``person_field`` holds the id of a person, who
    appears by e-mail address in a ``person_column``. ``search_fields`` are indexed, and looked up by their type.
    """

    person_field: str | None = None
    list_per_page = 50
    list_max_show_all = 50
    list_fullwidth = True
    list_filter_submit = True
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # each facet would count the whole table
    sortable_by = ()
    actions: Sequence[str] | None = None

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        names: tuple[Any, ...] = tuple(super().get_fields(request, obj))
        if self.has_add_permission(request) if obj is None else self.has_change_permission(request, obj):
            return names
        return tuple(shown_field(self.model, name) for name in names)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        return self.get_fields(request, obj)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PanelChangeList]:
        return PanelChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        names, term, person = self.get_search_fields(request), search_term.strip(), None
        if not names or not term:
            return queryset, False
        if self.person_field in names:
            person = find_person_id(term)
            names = [name for name in names if name != self.person_field]
        return search_rows(queryset, names, term, or_else=self.of_person(person) if person else Q()), False

    def of_person(self, person_id: UUID) -> Q:
        """The rows that somebody who looks for a person wants to find."""
        return Q(**{self.person_field or "": person_id})

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Only what the filters on the page ask; Django's own rule would let anybody test a hidden column."""
        filters = self.get_list_filter(request)
        if lookup in {getattr(item, "parameter_name", None) for item in filters}:
            return True
        names = [item[0] if isinstance(item, tuple) else item for item in filters]
        return any(lookup in {name, f"{name}__exact", f"{name}_from", f"{name}_to"} for name in names)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = super().get_object(request, object_id, from_field)
        if found is not None and self.person_field:
            attach_people(request, [found], self.person_field)
        return found

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Any = None, **options: Any
    ) -> HttpResponse:
        context["show_history"] = may_see_history(request)
        page: HttpResponse = super().render_change_form(request, context, *args, obj=obj, **options)
        return page

    def form_page(
        self,
        request: HttpRequest,
        template: str,
        title: str,
        form: forms.Form | None = None,
        extra_context: dict[str, Any] | None = None,
        **shown: Any,
    ) -> HttpResponse:
        """A page of its own in the panel's frame, from ``admin_panel/{template}``."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "form": form,
            "media": "" if form is None else form.media,  # the list's own scripts want the catalogue of jsi18n
            **shown,
            **(extra_context or {}),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, f"admin_panel/{template}", context)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What the audit trail says of this resource."""
        if not self.has_view_permission(request) or not may_see_history(request):
            raise PermissionDenied
        found = self.get_object(request, unquote(object_id))
        if found is None:
            redirect: HttpResponse = self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
            return redirect
        return history_page(request, self, found, self.history_id(found), extra_context or {})

    def history_id(self, obj: Model) -> str:
        """What the audit trail knows the row by."""
        return str(obj.pk)

    # The audit trail tells what was changed; Django's own log of it has no table here.

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> None:
        pass

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> None:
        pass

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        pass


class PanelInline(ReadOnly, TabularInline):
    """The rows that belong to the one on the page."""

    extra = 0
    max_num = 0
    per_page: int | None = 20
    can_delete = False
    hide_title = True
    select_related: tuple[str, ...] = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        found: QuerySet[Any] = super().get_queryset(request)
        return found.select_related(*self.select_related) if self.select_related else found

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return tuple(self.get_fields(request, obj))
