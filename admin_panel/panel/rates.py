"""Rates: what is and was in force, setting one with a look at what clients will see, and those that feeds hold."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from unfold.contrib.filters.admin import ChoicesRadioFilter
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminSplitDateTimeWidget

from admin_panel.form_fields import PairField, ReasonField
from admin_panel.panel.base import PanelAdmin
from admin_panel.panel.columns import column
from admin_panel.panel.filters import CurrencyFilter, ExactFilter, PeriodFilter
from admin_panel.panel.money import amount_text, money_text
from admin_panel.panel.people import person_column
from admin_panel.panel.posted import PostedActions, reason_of
from admin_panel.rate_preview import PreviewLine, preview_rate
from admin_panel.services.actors import actor_of
from admin_panel.services.permissions import REASON_LENGTH
from admin_panel.services.rates import (
    MAY_DECIDE,
    MAY_SET,
    operator_held_rate_accept,
    operator_held_rate_reject,
    operator_rate_set,
)
from exchanger.kernel.refusals import Refused
from web.configuration import NotConfigured
from web.models import ExchangeRate, HeldRate, HeldStatus

HELD_LABELS: dict[str, str] = {
    HeldStatus.PENDING: "warning",
    HeldStatus.ACCEPTED: "success",
    HeldStatus.REJECTED: "danger",
}


class RateForm(forms.Form):
    """A rate to put into force; times are UTC."""

    pair = PairField(help_text="What is given and what is received: USD/UAH.")
    rate = forms.DecimalField(
        max_digits=18,
        decimal_places=8,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text="How much of the second one unit of the first buys in the market; the spread comes off it.",
    )
    valid_from = forms.SplitDateTimeField(
        required=False, widget=UnfoldAdminSplitDateTimeWidget, help_text="UTC; empty is now."
    )
    valid_until = forms.SplitDateTimeField(
        required=False, widget=UnfoldAdminSplitDateTimeWidget, help_text="UTC; empty is until another one."
    )
    reason = ReasonField()

    def clean_rate(self) -> Any:
        if (rate := self.cleaned_data["rate"]) <= 0:
            raise forms.ValidationError("A rate is above zero.")
        return rate


@admin.register(ExchangeRate)
class ExchangeRateAdmin(PanelAdmin):
    person_field = "set_by"
    list_display = ("pair", "value", "source", "valid_from", "valid_until", "confirmed_at", "operator")
    list_filter = (
        ("from_currency", CurrencyFilter),
        ("to_currency", CurrencyFilter),
        ("source", ExactFilter),
        ("valid_from", PeriodFilter),
    )
    ordering = ("-valid_from", "-id")
    fields = ("id", "pair", "value", "source", "valid_from", "valid_until", "confirmed_at", "operator")

    operator = person_column("Set by")

    @column("Pair")
    def pair(self, rate: ExchangeRate) -> str:
        return f"{rate.from_currency} → {rate.to_currency}"

    @column("Rate")
    def value(self, rate: ExchangeRate) -> str:
        return money_text(rate.rate, rate.to_currency)

    def history_id(self, obj: Model) -> str:
        """The trail tells of pairs: a rate is put into force over the one before it."""
        assert isinstance(obj, ExchangeRate)
        return obj.pair.title

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(MAY_SET)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form; then the same with what clients will see; then the rate is in force."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = RateForm(request.POST if request.method == "POST" else None, initial=request.GET.dict())
        preview: list[PreviewLine] | None = None
        if form.is_valid():
            try:
                if "confirmed" in request.POST:
                    return self._set(request, form)
                preview = preview_rate(form.cleaned_data["pair"], form.cleaned_data["rate"])
            except NotConfigured:
                preview = []
            except Refused as refused:
                form.add_error(None, refused.message)
        return self.form_page(request, "rate.html", "Set a rate", form, extra_context, preview=preview)

    def _set(self, request: HttpRequest, form: RateForm) -> HttpResponse:
        placed = operator_rate_set(actor=actor_of(request), **form.cleaned_data)
        ahead = " from its time on" if form.cleaned_data["valid_from"] else ""
        messages.success(request, f"{placed.pair.title} is {amount_text(placed.rate)}{ahead}.")
        return HttpResponseRedirect(reverse("admin:web_exchangerate_changelist"))


@admin.register(HeldRate)
class HeldRateAdmin(PostedActions, PanelAdmin):
    """Rates of feeds that are too far from the one in force to be believed unseen."""

    person_field = "decided_by"
    list_display = ("created_at", "pair_text", "value", "in_force", "deviation", "source", "state", "operator")
    list_filter = (
        ("status", ChoicesRadioFilter),
        ("source", ExactFilter),
        ("created_at", PeriodFilter),
    )
    ordering = ("-created_at", "-id")
    fields = (
        "id",
        "pair_text",
        "value",
        "in_force",
        "deviation",
        "reason",
        "source",
        "published_for",
        "status",
        "created_at",
        "decided_at",
        "operator",
    )
    change_form_outer_after_template = "admin_panel/held_rate.html"

    operator = person_column("Decided by")

    @column("Pair")
    def pair_text(self, held: HeldRate) -> str:
        return f"{held.from_currency} → {held.to_currency}"

    @column("Held")
    def value(self, held: HeldRate) -> str:
        return money_text(held.rate, held.to_currency)

    @column("In force then")
    def in_force(self, held: HeldRate) -> str:
        return "–" if held.rate_in_force is None else money_text(held.rate_in_force, held.to_currency)

    @column("Deviation")
    def deviation(self, held: HeldRate) -> str:
        return "–" if held.deviation_percent is None else f"{held.deviation_percent:+.2f} %"

    @column("Status", labels=HELD_LABELS)
    def state(self, held: HeldRate) -> str:
        return held.status

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("<path:object_id>/accept/", self.posted(self.accept), name="web_heldrate_accept"),
            path("<path:object_id>/reject/", self.posted(self.reject), name="web_heldrate_reject"),
        ]
        return [*own, *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Any = None, **options: Any
    ) -> HttpResponse:
        if obj is not None and obj.status == HeldStatus.PENDING:
            context |= {
                "reason_length": REASON_LENGTH,
                "may_decide": request.user.has_perm(MAY_DECIDE),
                "preview": _preview(obj),
            }
        page: HttpResponse = super().render_change_form(request, context, *args, obj=obj, **options)
        return page

    def accept(self, request: HttpRequest, held: HeldRate) -> HttpResponse:
        placed = operator_held_rate_accept(actor=actor_of(request), held_id=held.pk, reason=reason_of(request))
        messages.success(request, f"{placed.pair.title} is {amount_text(placed.rate)}.")
        return self._back_to_list()

    def reject(self, request: HttpRequest, held: HeldRate) -> HttpResponse:
        operator_held_rate_reject(actor=actor_of(request), held_id=held.pk, reason=reason_of(request))
        messages.success(request, f"The rate of {held.pair.title} was rejected; the one in force stays.")
        return self._back_to_list()

    @staticmethod
    def _back_to_list() -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:web_heldrate_changelist") + f"?status__exact={HeldStatus.PENDING}")


def _preview(held: HeldRate) -> list[PreviewLine]:
    try:
        return preview_rate(held.pair, held.rate)
    except NotConfigured:
        return []
