"""Buttons that tell a row to do something: how they are declared, shown below the row's form, and posted."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse

from admin_panel.panel.posted import PostedActions, back_from, reason_of
from admin_panel.services.actors import actor_of
from admin_panel.services.permissions import REASON_LENGTH
from exchanger.kernel.refusals import Refused


class WrongField(Refused):
    """A field of a button's form does not hold what it should."""

    def __init__(self, message: str) -> None:
        super().__init__("wrong_field", message)


@dataclass(frozen=True, slots=True)
class Field:
    """An input of a button's form beside the reason; ``parse`` raises WrongField."""

    name: str
    kind: str
    label: str
    initial: Callable[[Any], str]
    parse: Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class RowAction:
    """What a button does: ``service`` is given the row as ``subject``, the fields and the reason."""

    verb: str
    label: str
    permission: str
    service: Callable[..., Model]
    applies: Callable[[Any], bool]
    fields: tuple[Field, ...] = ()
    danger: bool = False
    in_queue: bool = True
    step_up: bool = False  # it takes a fresh code of the second factor


def in_status(*statuses: str) -> Callable[[Any], bool]:
    """Whether a row is in one of ``statuses``, for ``applies``."""
    return lambda row: row.status in statuses


def shown_buttons(request: HttpRequest, row: Model, actions: Iterable[RowAction]) -> list[dict[str, Any]]:
    """What of ``actions`` the operator may tell the row to do as it is, for ``admin_panel/buttons.html``."""
    meta = row._meta
    return [
        {
            "label": action.label,
            "danger": action.danger,
            "address": reverse(f"admin:{meta.app_label}_{meta.model_name}_{action.verb}", args=[row.pk]),
            "fields": [(field, field.initial(row)) for field in action.fields],
        }
        for action in actions
        if action.applies(row) and request.user.has_perm(action.permission)
    ]


class RowActionPages(PostedActions):
    """For a ModelAdmin: an address for each of ``row_actions``, and their buttons below the form."""

    row_actions: ClassVar[tuple[RowAction, ...]] = ()
    change_form_outer_after_template = "admin_panel/work.html"

    def get_urls(self) -> list[URLPattern]:
        meta = self.opts  # type: ignore[attr-defined]
        own = [
            path(
                f"<path:object_id>/{action.verb}/",
                self.posted(self._posted(action), step_up=action.step_up),
                name=f"{meta.app_label}_{meta.model_name}_{action.verb}",
            )
            for action in self.row_actions
        ]
        return [*own, *super().get_urls()]  # type: ignore[misc]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Any = None, **options: Any
    ) -> HttpResponse:
        if obj is not None:
            context |= {
                "buttons": shown_buttons(request, obj, self.row_actions),
                "reason_length": REASON_LENGTH,
            }
        page: HttpResponse = super().render_change_form(request, context, *args, obj=obj, **options)  # type: ignore[misc]
        return page

    def told(self, action: RowAction, changed: Any) -> str:
        """What the operator is told when it is done; ``changed`` is what the service gave back."""
        raise NotImplementedError

    def _posted(self, action: RowAction) -> Callable[[HttpRequest, Any], HttpResponse]:
        def do(request: HttpRequest, row: Any) -> HttpResponse:
            values = {field.name: field.parse(request.POST.get(field.name, "")) for field in action.fields}
            subject = {row._meta.model_name: row}
            changed: Any = action.service(actor=actor_of(request), **subject, **values, reason=reason_of(request))
            messages.success(request, self.told(action, changed))
            return back_from(request, row)

        return do
