"""Who stands behind the ids of people that rows of the other databases hold."""

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

from admin_panel.panel.columns import column
from admin_panel.panel.search import uuid_of
from admin_panel.services.actors import NOBODY
from exchanger.kernel.contexts import Context
from identity.adapter import IdentityAdapter
from identity.models import User


def attach_people(request: HttpRequest, rows: Iterable[Any], field: str) -> None:
    """Give each row a ``person``: the e-mail of the one that its ``field`` names, linked for who may see people.

    One statement for all rows, none where there are no ids.
    """
    rows = list(rows)
    ids = {getattr(row, field) for row in rows} - {None, NOBODY}
    emails = find_emails(ids) if ids else {}
    linked = request.user.has_perm("identity.view_user")
    for row in rows:
        row.person = _person(getattr(row, field), emails, linked=linked)


def find_emails(ids: Iterable[UUID]) -> dict[UUID, str]:
    people = IdentityAdapter(Context.ADMIN).find_users(ids)
    return {person_id: user.email for person_id, user in people.items()}


def find_person(term: str) -> User | None:
    """The person of an e-mail address or an id, in one statement; none for what is neither."""
    people = IdentityAdapter(Context.ADMIN)
    if "@" in term:
        return people.find_user_by_email(term)
    person_id = uuid_of(term)
    return people.find_users([person_id]).get(person_id) if person_id else None


def person_column(title: str) -> Callable[[Any, Any], SafeString | None]:
    """A column of the person that ``attach_people`` found, for the body of a ModelAdmin."""

    @column(title)
    def person(self: Any, row: Any) -> SafeString | None:
        found: SafeString | None = row.person
        return found

    return person


def _person(person_id: UUID | None, emails: dict[UUID, str], *, linked: bool) -> SafeString | None:
    if person_id is None:
        return None
    if person_id == NOBODY:
        return escape("nobody who is known")
    if person_id not in emails:
        return escape(f"nobody any more ({person_id})")
    if not linked:
        return escape(emails[person_id])
    address = reverse("admin:identity_user_change", args=[person_id])
    return format_html('<a href="{}" class="text-link">{}</a>', address, emails[person_id])
