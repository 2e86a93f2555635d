from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django_filters import rest_framework as filters
from django_filters.fields import IsoDateTimeField
from rest_framework.exceptions import ValidationError as Invalid
from rest_framework.request import Request


class MomentField(IsoDateTimeField):
    def to_python(self, value: Any) -> datetime | None:
        """The moment in UTC: PostgreSQL knows no offset beyond 15:59, and Python no time before the year 1."""
        moment: datetime | None = super().to_python(value)
        try:
            return None if moment is None else moment.astimezone(UTC)
        except (OverflowError, ValueError):
            raise ValidationError("Enter a time between the years 1 and 9999.", code="invalid") from None


class FilterBackend(filters.DjangoFilterBackend):
    """A filter without a value is refused: whoever sends one means to narrow the list, not to have all of it."""

    def get_filterset(self, request: Request, queryset: QuerySet[Any], view: Any) -> Any:
        filterset = super().get_filterset(request, queryset, view)
        refuse_empty(request, filterset.filters if filterset is not None else ())
        return filterset


def refuse_empty(request: Request, names: Iterable[str]) -> None:
    """Raises rest_framework's ValidationError for each of ``names`` that the query has without a value."""
    empty = [name for name in names if "" in request.query_params.getlist(name)]
    if empty:
        raise Invalid({name: ["Give it a value, or leave it out."] for name in empty})


class MomentFilter(filters.IsoDateTimeFilter):
    """A moment as ISO 8601, in whichever zone; without one it is UTC."""

    field_class = MomentField
