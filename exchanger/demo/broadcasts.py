"""The operators' broadcasts: one that everybody has had, one that is paused in the middle, and a draft."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from bot.models import Broadcast, BroadcastStatus
from bot.tests.factories import BroadcastFactory
from exchanger.demo.ids import demo_id
from exchanger.demo.plan import Plan

_MINUTE: Final = timedelta(minutes=1)
FAILURE: Final = "Forbidden: bot was blocked by the user"


@dataclass(frozen=True, slots=True)
class Circular:
    """A broadcast as it is planned: ``age`` is how long before the anchor it was started, and ``sent`` to how many."""

    key: str
    status: BroadcastStatus
    age: timedelta
    texts: dict[str, str]
    audience: dict[str, Any]
    reason: str
    sent: int | None = None  # None is all

    @property
    def id(self) -> UUID:
        return demo_id("broadcast", self.key)


CIRCULARS: Final = (
    Circular(
        "holiday",
        BroadcastStatus.DONE,
        timedelta(days=9, hours=3),
        {
            "en": "On the holiday we are open from 10 to 18.",
            "uk": "Працюємо у святковий день з 10 до 18.",
            "ru": "В праздничный день работаем с 10 до 18.",
        },
        {},
        "Opening hours on the holiday",
    ),
    Circular(
        "weekend",
        BroadcastStatus.PAUSED,
        25 * _MINUTE,
        {
            "en": "This weekend we exchange USDT without a fee.",
            "uk": "Цими вихідними обмінюємо USDT без комісії.",
            "ru": "В эти выходные обмениваем USDT без комиссии.",
        },
        {},
        "The Russian text says it otherwise: held back until it is settled",
        sent=4,
    ),
    Circular(
        "maintenance",
        BroadcastStatus.DRAFT,
        5 * _MINUTE,
        {
            "en": "Tonight from 2 to 3 Kyiv time the bot is out for maintenance. Orders under way are safe.",
            "uk": "Сьогодні вночі з 2 до 3 бот не працюватиме: технічні роботи. Розпочаті заявки в безпеці.",
        },
        {"days": 30},
        "Announcing the maintenance of the night",
    ),
)


def broadcasts(plan: Plan, made: dict[UUID, int]) -> list[Broadcast]:
    """All of them; ``made`` is how many notifications each has become."""
    return [_broadcast(plan, circular, made.get(circular.id, 0)) for circular in CIRCULARS]


def _broadcast(plan: Plan, circular: Circular, made: int) -> Broadcast:
    began, is_draft = plan.anchor - circular.age, circular.status is BroadcastStatus.DRAFT
    row: Broadcast = BroadcastFactory.build(
        id=circular.id,
        texts=circular.texts,
        audience=circular.audience,
        status=circular.status,
        reason=circular.reason,
        created_by=plan.people.operator.id,
        created_at=began - 4 * _MINUTE,
        started_at=None if is_draft else began,
        finished_at=began + _MINUTE if circular.status is BroadcastStatus.DONE else None,
        queued=made,
        total=None if is_draft else made,
    )
    return row
