from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django_filters import rest_framework as filters
from django_filters.fields import IsoDateTimeField


class MomentField(IsoDateTimeField):
    def to_python(self, value: Any) -> datetime | None:
        """The moment in UTC: PostgreSQL knows no offset beyond 15:59, and Python no time before the year 1."""
        moment: datetime | None = super().to_python(value)
        try:
            return None if moment is None else moment.astimezone(UTC)
        except (OverflowError, ValueError):
            raise ValidationError("Enter a time between the years 1 and 9999.", code="invalid") from None


class MomentFilter(filters.IsoDateTimeFilter):
    """A moment as ISO 8601, in whichever zone; without one it is UTC."""

    field_class = MomentField
