"""Rate alerts: people say which rate they wait for, and are told once when it is there."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import connections, transaction
from django.utils import translation
from django.utils.translation import gettext as _

from bot.adapter import TelegramAdapter
from bot.dialogues.wording import rate_text
from bot.languages import spoken
from bot.models import Notification, RateAlert
from bot.web_api import WebDown, web
from exchanger.kernel.contexts import Context
from exchanger.kernel.money.pairs import Pair
from exchanger.kernel.refusals import Refused
from identity.adapter import IdentityAdapter

logger = logging.getLogger(__name__)

ALIAS: Final = "bot"
MOST: Final = 10
NOTIFICATION_TYPE: Final = "rate.alert"

# Whoever deletes an alert tells of it: PostgreSQL lets one do so, however many look at once.
_TAKE: Final = """
DELETE FROM rate_alerts USING unnest(%s::text[], %s::text[], %s::numeric[]) AS now (source, target, rate)
WHERE from_currency = now.source AND to_currency = now.target
  AND CASE WHEN above THEN now.rate >= rate_alerts.rate ELSE now.rate <= rate_alerts.rate END
RETURNING user_id, source, target, rate_alerts.rate, above, now.rate
"""


class AlertRefused(Refused):
    """No alert was made; the code says why."""


@dataclass(frozen=True, slots=True)
class _Crossed:
    user_id: UUID
    source: str
    target: str
    wanted: Decimal
    above: bool
    rate: Decimal


def alert_create(*, user_id: UUID, pair: Pair, rate: Decimal, rate_now: Decimal) -> RateAlert:
    """Tell the person once ``pair`` has come to ``rate``, from the side on which ``rate_now`` is.

    Raises:
        AlertRefused: ``alert_rate_now``, ``too_many_alerts``.
    """
    if rate == rate_now:
        raise AlertRefused("alert_rate_now", "This is the rate now.")
    if TelegramAdapter().find_rate_alerts(user_id).count() >= MOST:
        raise AlertRefused(
            "too_many_alerts", "There are as many alerts as one person may have.", details={"most": MOST}
        )
    return RateAlert.objects.create(
        user_id=user_id, from_currency=pair.source, to_currency=pair.target, rate=rate, above=rate > rate_now
    )


def alert_delete(*, user_id: UUID, alert_id: UUID) -> bool:
    """Forget one of the person's own alerts; False where it is not there any more."""
    return bool(RateAlert.objects.filter(user_id=user_id, pk=alert_id).delete()[0])


def alerts_check() -> int:
    """Look at web's rates, by one request for all pairs, and tell whoever waits for one of them; how many were told.

    An alert and its notification are one transaction. Somebody who has unlinked Telegram is told nothing, and their
    alert is gone all the same. Without an answer of web nothing happens until the next look.
    """
    if not RateAlert.objects.exists():
        return 0
    try:
        offer = web().offer()
    except (WebDown, Refused) as error:
        logger.warning("Web gave no rates to hold alerts against: %s", error)
        return 0
    rates = {Pair(each.from_currency, each.to_currency): each.rate for each in offer.pairs if each.rate is not None}
    with transaction.atomic(using=ALIAS):
        told = _notifications(_take(rates))
        Notification.objects.bulk_create(told)
    return len(told)


def _take(rates: Mapping[Pair, Decimal]) -> list[_Crossed]:
    columns: list[Any] = [[pair.source for pair in rates], [pair.target for pair in rates], list(rates.values())]
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(_TAKE, columns)
        return [_Crossed(*row) for row in cursor.fetchall()]


def _notifications(crossed: list[_Crossed]) -> list[Notification]:
    profiles = IdentityAdapter(Context.TELEGRAM).find_profiles(each.user_id for each in crossed)
    told = []
    for each in crossed:
        profile = profiles.get(each.user_id)
        if profile is None or profile.telegram_user_id is None:
            continue
        with translation.override(spoken(profile.language)):
            text = _text(each)
        told.append(
            Notification(
                user_id=each.user_id,
                telegram_user_id=profile.telegram_user_id,
                message=text,
                notification_type=NOTIFICATION_TYPE,
            )
        )
    return told


def _text(crossed: _Crossed) -> str:
    rate = f"1 {crossed.source} = {rate_text(crossed.rate)} {crossed.target}"
    wanted = rate_text(crossed.wanted)
    if crossed.above:
        return _("{rate} now. You wanted to know when it is {wanted} or more. To exchange: /exchange").format(
            rate=rate, wanted=wanted
        )
    return _("{rate} now. You wanted to know when it is {wanted} or less. To exchange: /exchange").format(
        rate=rate, wanted=wanted
    )
