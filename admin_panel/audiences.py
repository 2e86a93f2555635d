"""Whom a broadcast is for. Three databases know: people and their accounts, their orders, and what was written to them.

So people are looked at in the order of their ids, a bounded number at a time: who has linked an account, of them who
has such orders. No statement reads more than that, and whoever knows the last id goes on from there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID

from django.conf import settings

from exchanger.kernel.contexts import Context, require
from exchanger.kernel.money.pairs import Pair
from exchanger.kernel.pagination import keyset_chunks
from identity.models import UserProfile
from web.models import Order

LOOKED_AT = 10_000
"""People who are looked at for an estimate."""

SAMPLE = 10
_CHUNK = 2_000  # of them by one statement


@dataclass(frozen=True, slots=True)
class Audience:
    """Everybody with a linked account to whom all of this applies; None leaves a condition out.

    ``days`` is how long ago, at most, their last order was made, and ``pair`` what it exchanged.
    """

    language: str | None = None
    days: int | None = None
    pair: Pair | None = None

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """What ``stored`` made."""
        pair = document.get("pair")
        return cls(document.get("language"), document.get("days"), Pair(*pair.split("/")) if pair else None)

    def stored(self) -> dict[str, Any]:
        """As JSON, without the conditions that are left out."""
        found = {"language": self.language, "days": self.days, "pair": self.pair.title if self.pair else None}
        return {name: value for name, value in found.items() if value is not None}

    @property
    def told(self) -> str:
        """For people."""
        language = dict(settings.LANGUAGES).get(self.language or "", self.language)
        told = [f"who use {language}"] if self.language else []
        if self.days or self.pair:
            which = f" {self.pair.title}" if self.pair else ""
            when = f" in the last {self.days} days" if self.days else ""
            told.append(f"who made an order{which}{when}")
        return f"Everybody with a linked account{', ' if told else ''}{' and '.join(told)}"


@dataclass(frozen=True, slots=True)
class Recipient:
    user_id: UUID
    telegram_user_id: int
    language: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Of ``looked_at`` people those who belong to the audience; ``last`` is where the next chunk begins after."""

    recipients: Sequence[Recipient]
    looked_at: int
    last: UUID | None
    is_last: bool


@dataclass(frozen=True, slots=True)
class Estimate:
    """``people`` of those who were looked at; ``is_whole`` when these were all, and ``sample`` are the first."""

    people: int
    is_whole: bool
    sample: Sequence[Recipient]


def read_chunk(audience: Audience, *, at: datetime, size: int, after: UUID | None = None) -> Chunk:
    """Look at the next ``size`` people with a linked account: one statement, and one for their orders where asked.

    ``at`` is the moment from which the audience's days are counted back.
    """
    require(Context.ADMIN)
    linked = UserProfile.objects.filter(telegram_user_id__isnull=False)
    if audience.language is not None:
        linked = linked.filter(language=audience.language)
    linked = linked.only("user_id", "telegram_user_id", "language")
    profiles = next(keyset_chunks(linked, ("user",), size, after=None if after is None else (after,)))
    belong = _with_orders(audience, [profile.user_id for profile in profiles], at)
    recipients = [
        Recipient(profile.user_id, profile.telegram_user_id, profile.language)
        for profile in profiles
        if profile.telegram_user_id is not None and profile.user_id in belong
    ]
    last = profiles[-1].user_id if profiles else after
    return Chunk(recipients, len(profiles), last, len(profiles) < size)


def estimate(audience: Audience, *, at: datetime) -> Estimate:
    """How many they are, and who comes first, after a look at LOOKED_AT people at most."""
    people, sample, whole = 0, list[Recipient](), False
    for chunk in _chunks(audience, at):
        people += len(chunk.recipients)
        sample += chunk.recipients[: SAMPLE - len(sample)]
        whole = chunk.is_last
    return Estimate(people, whole, sample)


def _chunks(audience: Audience, at: datetime) -> Iterator[Chunk]:
    looked_at, after = 0, None
    while looked_at < LOOKED_AT:
        chunk = read_chunk(audience, at=at, size=_CHUNK, after=after)
        yield chunk
        if chunk.is_last:
            return
        looked_at, after = looked_at + chunk.looked_at, chunk.last


def _with_orders(audience: Audience, people: Sequence[UUID], at: datetime) -> set[UUID]:
    if audience.days is None and audience.pair is None:
        return set(people)
    orders = Order.objects.filter(user_id__in=people)
    if audience.days is not None:
        orders = orders.filter(created_at__gte=at - timedelta(days=audience.days))
    if audience.pair is not None:
        orders = orders.filter(from_currency=audience.pair.source, to_currency=audience.pair.target)
    return set(orders.order_by().values_list("user_id", flat=True).distinct())
