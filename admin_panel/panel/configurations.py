"""Configurations: written in a form made of their schema, compared with what is in force, and published."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from unfold.contrib.filters.admin import ChoicesRadioFilter

from admin_panel.configuration_targets import TARGETS
from admin_panel.models import Configuration
from admin_panel.panel.access import CONTEXT_LABELS
from admin_panel.panel.base import PanelAdmin
from admin_panel.panel.columns import column
from admin_panel.panel.document_form import DocumentForm
from admin_panel.panel.people import person_column
from admin_panel.panel.posted import PostedActions, back_to, reason_of
from admin_panel.services.actors import actor_of
from admin_panel.services.configurations import (
    MAY_PUBLISH,
    MAY_WRITE,
    newest_version,
    operator_configuration_publish,
    operator_configuration_write,
)
from admin_panel.services.permissions import REASON_LENGTH
from exchanger.kernel.contexts import Context
from exchanger.kernel.documents import InvalidDocument
from exchanger.kernel.refusals import Refused


@admin.register(Configuration)
class ConfigurationAdmin(PostedActions, PanelAdmin):
    person_field = "created_by"
    list_display = ("version", "context", "operator", "comment", "created_at", "published_at")
    list_filter = (("application_context", ChoicesRadioFilter),)
    ordering = ("-created_at", "-id")
    fields = ("id", "application_context", "version", "comment", "operator", "created_at", "published_at")
    change_form_outer_after_template = "admin_panel/configuration.html"

    operator = person_column("Operator")

    @column("Application", labels=CONTEXT_LABELS)
    def context(self, configuration: Configuration) -> str:
        return configuration.application_context

    def history_id(self, obj: Model) -> str:
        """The trail tells of applications: a version is written and published over the one before it."""
        assert isinstance(obj, Configuration)
        return obj.application_context

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(MAY_WRITE)

    def get_urls(self) -> list[URLPattern]:
        publish = self.posted(self.publish, step_up=True)
        return [
            path("<path:object_id>/publish/", publish, name="admin_panel_configuration_publish"),
            *super().get_urls(),
        ]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Any = None, **options: Any
    ) -> HttpResponse:
        if obj is not None and obj.application_context in TARGETS:
            in_force = TARGETS[Context(obj.application_context)].in_force()
            context |= {
                "reason_length": REASON_LENGTH,
                "in_force": in_force,
                "lines": list(compared(in_force.document if in_force else {}, obj.document)),
                "may_publish": request.user.has_perm(MAY_PUBLISH),
                "may_write": request.user.has_perm(MAY_WRITE),
            }
        page: HttpResponse = super().render_change_form(request, context, *args, obj=obj, **options)
        return page

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Whose configuration; then its new version, begun from the one in force or the one that ``from`` names."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        older = self.get_object(request, named) if (named := request.GET.get("from", "")) else None
        named = request.GET.get("application", "") if older is None else older.application_context
        if named not in TARGETS:
            targets = [(context.value, target.about) for context, target in TARGETS.items()]
            return self.form_page(
                request, "configuration_targets.html", "New version of a configuration", targets=targets
            )
        application = Context(named)
        form = DocumentForm(
            TARGETS[application].schema,
            request.POST if request.method == "POST" else None,
            document=_in_force(application) if older is None else older.document,
        )
        newest = newest_version(application)
        if form.is_valid():
            try:
                return self._written(request, application, form)
            except (Refused, InvalidDocument) as refused:
                form.add_error(None, str(refused))
        return self.form_page(
            request,
            "configuration_form.html",
            f"Version {newest + 1} of {application}'s configuration",
            form,
            extra_context,
            reason_length=REASON_LENGTH,
            comment=request.POST.get("comment", ""),
            based_on=request.POST.get("based_on", newest),
        )

    def publish(self, request: HttpRequest, version: Configuration) -> HttpResponse:
        try:
            operator_configuration_publish(
                actor=actor_of(request), configuration_id=version.pk, reason=reason_of(request)
            )
        except InvalidDocument as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"{version} is in force; every process obeys it within five seconds.")
        return back_to(version)

    def _written(self, request: HttpRequest, application: Context, form: DocumentForm) -> HttpResponse:
        text = request.POST.get("based_on", "")
        written = operator_configuration_write(
            actor=actor_of(request),
            context=application,
            document=form.document,
            comment=request.POST.get("comment", "").strip(),
            based_on=int(text) if text.isdecimal() and len(text) < 10 else -1,
        )
        messages.success(request, f"{written} is written. It is not in force until it is published.")
        return back_to(written)


def _in_force(application: Context) -> Mapping[str, Any]:
    found = TARGETS[application].in_force()
    return TARGETS[application].begin() if found is None else found.document


def compared(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any, bool]]:
    """``(key, before, after, whether they differ)`` of every key, with tables key by key."""
    for name in sorted({**before, **after}):
        old, new = before.get(name), after.get(name)
        if {type(value) for value in (old, new) if value is not None} == {dict}:
            for inner, *values in compared(old or {}, new or {}):
                yield (f"{name}.{inner}", *values)
        else:
            yield name, _shown(old), _shown(new), old != new


def _shown(value: Any) -> Any:
    return ", ".join(str(item) for item in value) if isinstance(value, list) else value
