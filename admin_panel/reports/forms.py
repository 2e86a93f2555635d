"""What a report is asked for with. A form takes what a browser sends, and as well the JSON that it made of it."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminSingleDateWidget, UnfoldAdminTextInputWidget

from admin_panel.form_fields import PairField
from exchanger.kernel.money.currencies import UnknownCurrency, currency
from exchanger.kernel.money.pairs import Pair
from web.models import Account, OrderStatus

LONGEST = timedelta(days=366)
FORMATS = (("xlsx", "XLSX, for spreadsheets"), ("csv", "CSV"))
DAY, MONTH = "day", "month"

Parameters = Mapping[str, Any]
"""What a form's fields became: ``since`` and ``until`` are dates (UTC), both included."""


class PeriodForm(forms.Form):
    """The parameters of every report."""

    class Media:
        js = ("admin/js/core.js",)  # which the calendar calls, and its widget does not name

    since = forms.DateField(label="From", widget=UnfoldAdminSingleDateWidget, help_text="The first day, in UTC.")
    until = forms.DateField(label="Until", widget=UnfoldAdminSingleDateWidget, help_text="The last day, in UTC.")
    format = forms.ChoiceField(choices=FORMATS, widget=UnfoldAdminSelectWidget)

    def clean_until(self) -> date:
        until: date = self.cleaned_data["until"]
        since: date | None = self.cleaned_data.get("since")
        if until > timezone.now().astimezone(UTC).date():
            raise forms.ValidationError("This day has not come yet.")
        if since is not None and until < since:
            raise forms.ValidationError("The last day is not before the first.")
        if since is not None and until - since >= LONGEST:
            raise forms.ValidationError(f"A report covers at most {LONGEST.days} days.")
        return until

    def stored(self) -> dict[str, str]:
        """The parameters as JSON, without those that were left out; the form is valid."""
        return {name: _text(value) for name, value in self.cleaned_data.items() if value not in (None, "")}


class PairForm(PeriodForm):
    pair = PairField(required=False, help_text="Such as USD/UAH; empty is all.")


class TurnoverForm(PairForm):
    by = forms.ChoiceField(
        label="A line for each", choices=((DAY, "Day"), (MONTH, "Month")), widget=UnfoldAdminSelectWidget
    )


class OrdersForm(PairForm):
    status = forms.ChoiceField(
        required=False, choices=(("", "All"), *OrderStatus.choices), widget=UnfoldAdminSelectWidget
    )


class LedgerForm(PeriodForm):
    account = forms.ChoiceField(required=False, choices=(("", "All"), *Account.choices), widget=UnfoldAdminSelectWidget)
    currency = forms.CharField(
        required=False, max_length=10, widget=UnfoldAdminTextInputWidget, help_text="Such as USD; empty is all."
    )

    def clean_currency(self) -> str:
        text = self.cleaned_data["currency"].strip()
        try:
            return currency(text).code if text else ""
        except UnknownCurrency as error:
            raise forms.ValidationError(str(error)) from error


class AuditForm(PeriodForm):
    resource_type = forms.CharField(
        label="Kind of resource",
        required=False,
        max_length=100,
        widget=UnfoldAdminTextInputWidget,
        help_text="Such as order; empty is all.",
    )


def moments(parameters: Parameters) -> tuple[datetime, datetime]:
    """The period: from its first moment on, and before the second."""
    return midnight(parameters["since"]), midnight(parameters["until"] + timedelta(days=1))


def midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), UTC)


def _text(value: Any) -> str:
    match value:
        case Pair():
            return value.title
        case date():
            return value.isoformat()
    return str(value)
