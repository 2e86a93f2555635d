"""What the tests of notifications and broadcasts share: people with linked accounts, operators, and answers."""

import itertools
from uuid import UUID

from django.urls import reverse

from admin_panel.models import AuditLog
from admin_panel.services.actors import Actor
from bot.models import Broadcast, BroadcastStatus, Notification
from bot.tests.factories import BroadcastFactory
from identity.models import User
from identity.tests.factories import UserFactory

WHY = "Ticket 4711"
TEXTS = {"en": "We are open on Sunday.", "uk": "Працюємо в неділю."}
_accounts = itertools.count(800_000_000)

_PEOPLE = """
WITH made AS (
    INSERT INTO users (id, email, password_hash)
    SELECT gen_random_uuid(), 'many' || n || '@example.com', '!' FROM generate_series(1, %s) n RETURNING id
)
INSERT INTO user_profiles (user_id, telegram_user_id, language)
SELECT id, 600000000 + row_number() OVER (), 'uk' FROM made RETURNING user_id
"""


def actor(*permissions) -> Actor:
    return Actor(UserFactory(permissions={"admin": permissions}).pk)


def linked(language="en", **of) -> User:
    """Somebody with a linked Telegram account."""
    return UserFactory(profile__telegram_user_id=next(_accounts), profile__language=language, **of)


def link(person_id: UUID, world) -> int:
    """Link an account to somebody who is there already."""
    account = next(_accounts)
    world.superuser("identity").execute(
        "UPDATE user_profiles SET telegram_user_id = %s WHERE user_id = %s", [account, person_id]
    )
    return account


def many_linked(world, count: int) -> set[UUID]:
    """That many people at once."""
    return {row for (row,) in world.superuser("identity").execute(_PEOPLE, [count]).fetchall()}


def running(**of) -> Broadcast:
    return BroadcastFactory(**{"status": BroadcastStatus.RUNNING, "audience": {}, "texts": TEXTS, **of})


def written_to(broadcast: Broadcast) -> list[UUID]:
    """Who has a notification of it, once for each."""
    return list(Notification.objects.filter(broadcast=broadcast).values_list("user_id", flat=True))


def now(row):
    """The row as PostgreSQL has it."""
    return type(row).objects.get(pk=row.pk)


def act(row, verb) -> str:
    return reverse(f"admin:bot_{row._meta.model_name}_{verb}", args=[row.pk])


def messages_of(answer) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


def trail() -> list[tuple[str, str]]:
    return [(log.action, log.outcome) for log in AuditLog.objects.select_related("result").order_by("created_at", "id")]
