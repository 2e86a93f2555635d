"""Filters that an index answers: whole values and periods, never lists of whatever values a table holds."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.contrib.admin import FieldListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import RadioFilter, RangeDateFilter
from unfold.contrib.filters.forms import SearchForm

from admin_panel.adapter import OUTCOMES, with_outcome
from admin_panel.deliveries import Delivery, with_delivery


class ExactFilter(FieldListFilter):
    """Rows whose field is exactly what was typed."""

    template = "unfold/filters/filters_field.html"

    def expected_parameters(self) -> list[str | None]:
        return [self.field_path]

    def clean(self, text: str) -> str:
        """What is looked for when ``text`` was typed."""
        return text.strip()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        text = self.clean(self._text)
        if not text:
            return queryset
        try:
            return queryset.filter(**{self.field_path: text})
        except (ValueError, ValidationError) as error:
            raise IncorrectLookupParameters(error) from error

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:  # type: ignore[override]  # as its template wants
        yield {"form": SearchForm(name=self.field_path, label=f"By {self.title}", data={self.field_path: self._text})}

    @property
    def _text(self) -> str:
        values: Any = self.used_parameters.get(self.field_path) or [""]
        return str(values[-1])


class CurrencyFilter(ExactFilter):
    def clean(self, text: str) -> str:
        return text.strip().upper()


class OutcomeFilter(RadioFilter):
    """Entries of the audit trail by how they ended."""

    title = "outcome"
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return OUTCOMES

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return with_outcome(queryset, value) if value in dict(OUTCOMES) else queryset


class DeliveryFilter(RadioFilter):
    """Notifications by how far they have come."""

    title = "delivery"
    parameter_name = "delivery"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(delivery.value, delivery.value.capitalize()) for delivery in Delivery]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return with_delivery(queryset, Delivery(value)) if value in Delivery.values else queryset


class BlockedFilter(RadioFilter):
    """People whom operators keep out."""

    title = "blocked"
    parameter_name = "blocked"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Blocked")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(blocked_at__isnull=False) if self.value() == "yes" else queryset


class PeriodFilter(RangeDateFilter):
    """Rows of some days, both ends included, in UTC."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        name = self.field_path
        if first := self._day(f"{name}_from"):
            queryset = queryset.filter(**{f"{name}__gte": first})
        if end := self._day(f"{name}_to", after=1):
            queryset = queryset.filter(**{f"{name}__lt": end})
        return queryset

    def _day(self, parameter: str, *, after: int = 0) -> datetime | None:
        """The beginning of the day that was typed, or of one ``after`` it."""
        text = self.used_parameters.get(parameter)
        if not text:
            return None
        try:
            return datetime.combine(date.fromisoformat(text) + timedelta(days=after), time(), UTC)
        except (ValueError, OverflowError) as error:
            raise IncorrectLookupParameters(error) from error
