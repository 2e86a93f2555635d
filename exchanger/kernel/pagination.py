"""Pages by position in a total order: stable under inserts, and page 20,000 costs what page 1 costs."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db.models import F, Field, Func, Model, QuerySet, Value
from django.db.models.lookups import GreaterThan, LessThan
from django.utils import timezone
from rest_framework.exceptions import NotFound
from rest_framework.exceptions import ValidationError as Invalid
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from exchanger.kernel.cache.codec import decode, encode

M = TypeVar("M", bound=Model)


class KeysetPagination(CursorPagination):
    """The view names its ``ordering``: NOT NULL columns, all in one direction, the last one unique.

    DRF's own cursor keeps the first column's value and counts the rows that share it, up to a thousand: rows written
    by one transaction share ``now()``, so a larger batch could not be paged through. Here a cursor holds the whole
    position, and PostgreSQL compares it as one row, which an index on the ordering answers.
    """

    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"
    invalid_cursor_message = "This cursor is not one of ours: start again without it."

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.base_url: str = request.build_absolute_uri()
        size = self.get_page_size(request)
        self.ordering = self.get_ordering(request, queryset, view)
        self._fields = _fields(queryset, self.ordering)
        self._descending = self.ordering[0].startswith("-")
        backward, position = self._read(request)
        rows = list(_beyond(queryset, self._fields, self._descending != backward, position)[: size + 1])
        more = len(rows) > size
        page = rows[:size]
        if backward:
            page.reverse()
        # One end of the page was looked at; at the other is the page that the cursor came from.
        self._next = self._link(page[-1], backward=False) if page and (more or backward) else None
        came_from = position is not None and not backward
        self._previous = self._link(page[0], backward=True) if page and (came_from or (backward and more)) else None
        return page

    def get_page_size(self, request: Request) -> int:
        """How many rows are asked for.

        Raises:
            ValidationError: it is no number from 1 to ``max_page_size``.
        """
        asked = request.query_params.get(self.page_size_query_param)
        if asked is None:
            return self.page_size
        if not asked.isdecimal() or len(asked) > 9 or not 1 <= int(asked) <= self.max_page_size:
            raise Invalid({self.page_size_query_param: [f"Enter a whole number from 1 to {self.max_page_size}."]})
        return int(asked)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        for parameter in parameters:
            if parameter["name"] == self.page_size_query_param:
                parameter["schema"].update(minimum=1, maximum=self.max_page_size)
        return parameters

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> tuple[str, ...]:
        """The view's ``ordering``.

        Raises:
            ImproperlyConfigured: it has none, or its directions are mixed.
        """
        ordering = tuple(getattr(view, "ordering", ()))
        if not ordering or len({name.startswith("-") for name in ordering}) > 1:
            raise ImproperlyConfigured(f"{type(view).__name__} needs an ordering whose columns share one direction.")
        return ordering

    def get_next_link(self) -> str | None:
        return self._next

    def get_previous_link(self) -> str | None:
        return self._previous

    def _link(self, row: Model | dict[str, Any], *, backward: bool) -> str:
        position = [row[f.attname] if isinstance(row, dict) else getattr(row, f.attname) for f in self._fields]
        token = urlsafe_b64encode(encode([backward, *position])).decode()
        return replace_query_param(self.base_url, self.cursor_query_param, token)

    def _read(self, request: Request) -> tuple[bool, list[Any] | None]:
        token = request.query_params.get(self.cursor_query_param)
        if token is None:
            return False, None
        try:
            backward, *position = decode(urlsafe_b64decode(token.encode("ascii")))
            return bool(backward), [_value(field, value) for field, value in zip(self._fields, position, strict=True)]
        except (TypeError, ValueError, OverflowError, ValidationError):
            raise NotFound(self.invalid_cursor_message) from None


def keyset_chunks(
    queryset: QuerySet[M], ordering: Sequence[str], size: int, *, after: Sequence[Any] | None = None
) -> Iterator[list[M]]:
    """All rows in that order, ``size`` at a time: each chunk is one statement, and the last one may be empty.

    ``ordering`` is as KeysetPagination's. What is written meanwhile shows where it is beyond what has been read.
    ``after`` is a position to begin beyond: a filter that says where the rows begin would have PostgreSQL walk from
    there to the position again for each chunk, because an index scan starts at only one of the two.
    """
    fields = _fields(queryset, ordering)
    position = after
    more = True
    while more:
        chunk = list(_beyond(queryset, fields, ordering[0].startswith("-"), position)[:size])
        more = len(chunk) == size
        if more:
            position = [getattr(chunk[-1], field.attname) for field in fields]
        yield chunk


def _fields(queryset: QuerySet[Any], ordering: Sequence[str]) -> list[Any]:
    return [queryset.model._meta.get_field(name.lstrip("-")) for name in ordering]


def _beyond(
    queryset: QuerySet[M], fields: Sequence[Any], descending: bool, position: Sequence[Any] | None
) -> QuerySet[M]:
    """The rows after ``position``, or all, in the order of ``fields``."""
    names = [field.attname for field in fields]
    queryset = queryset.order_by(*(f"-{name}" if descending else name for name in names))
    if position is None:
        return queryset
    here = _row(*(F(name) for name in names))
    there = _row(*(Value(value, field) for value, field in zip(position, fields, strict=True)))
    return queryset.filter(LessThan(here, there) if descending else GreaterThan(here, there))


def _row(*expressions: Any) -> Func:
    return Func(*expressions, function="ROW", output_field=Field())


def _value(field: Any, value: Any) -> Any:
    if not isinstance(value, str | int) or "\x00" in str(value):
        raise ValueError("not a value of an ordering column")
    found = field.clean(value, None)
    if not isinstance(found, datetime):
        return found
    if timezone.is_naive(found):
        raise ValueError("a time without a zone")
    return found.astimezone(UTC)
