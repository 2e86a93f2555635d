"""The search box of a list: whole values in indexed columns, so that a search never reads a whole table."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import BigIntegerField, Field, ForeignKey, Model, Q, QuerySet, UUIDField

from exchanger.kernel.contexts import Context
from identity.adapter import IdentityAdapter

_LARGEST = 2**63 - 1
_DIGITS = len(str(_LARGEST))  # what has more is no number of a table, and one of thousands would not even be read


def search_rows(queryset: QuerySet[Model], names: Iterable[str], term: str, *, or_else: Q) -> QuerySet[Model]:
    """The rows in which one of the fields ``names`` holds ``term``, and those to which ``or_else`` applies.

    A UUID is looked for in UUID columns, digits in numbers, text as the beginning of text.
    """
    wanted = or_else
    for name in names:
        wanted |= _condition(queryset.model._meta.get_field(name), term)
    return queryset.filter(wanted) if wanted else queryset.none()


def find_person_id(term: str) -> UUID | None:
    """The person of an e-mail address, or of an id, which need not be anybody's."""
    if "@" not in term:
        return uuid_of(term)
    found = IdentityAdapter(Context.ADMIN).find_user_by_email(term)
    return found.pk if found else None


def _condition(field: Any, term: str) -> Q:
    kind: Field = field.target_field if isinstance(field, ForeignKey) else field
    if isinstance(kind, UUIDField):
        value = uuid_of(term)
        return Q(**{field.attname: value}) if value else Q()
    if isinstance(kind, BigIntegerField):
        fits = term.isdecimal() and len(term) <= _DIGITS and int(term) <= _LARGEST
        return Q(**{field.attname: int(term)}) if fits else Q()
    return Q(**{f"{field.attname}__startswith": term})


def uuid_of(term: str) -> UUID | None:
    """The id that ``term`` spells, if it does."""
    try:
        return UUID(term)
    except ValueError:
        return None
