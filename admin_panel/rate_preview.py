"""What a rate that is not in force yet would mean to clients."""

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from django.db.models.functions import Now

from exchanger.kernel.money.pairs import Pair
from web.adapter import not_over
from web.configuration import WebConfiguration, read_configuration
from web.derivation import derive
from web.models import ExchangeRate
from web.pricing import client_rate
from web.services.held_rates import deviation_percent


class _Rated(NamedTuple):
    rate: Decimal


@dataclass(frozen=True, slots=True)
class PreviewLine:
    """A pair on offer: what one unit given buys now and would buy then, the spread taken off; None where nothing."""

    pair: Pair
    now: Decimal | None
    then: Decimal | None

    @property
    def change_percent(self) -> Decimal | None:
        if self.now is None or self.then is None:
            return None
        return deviation_percent(self.then, self.now)


def preview_rate(pair: Pair, rate: Decimal) -> list[PreviewLine]:
    """The pairs on offer whose clients would see another rate with this one in force, in one statement of rates.

    Raises:
        web.configuration.NotConfigured: nothing is on offer.
    """
    configuration = read_configuration()
    in_force = ExchangeRate.objects.filter(not_over(), valid_from__lte=Now())
    now = {row.pair: _Rated(row.rate) for row in in_force}
    then = {**now, pair: _Rated(rate)}
    lines = [
        PreviewLine(offered, _shown(offered, now, configuration), _shown(offered, then, configuration))
        for offered in configuration.pairs
    ]
    return [line for line in lines if line.now != line.then]


def _shown(pair: Pair, stored: dict[Pair, _Rated], configuration: WebConfiguration) -> Decimal | None:
    found = derive(pair, configuration.base_currency, stored)
    return None if found is None else client_rate(found.rate, configuration.spread)
