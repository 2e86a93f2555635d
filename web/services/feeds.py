"""From what providers publish to rates in force: fetched, compared, and applied, or held for an operator.

Providers are asked in the configured order, each for what the ones before it did not give. A rate is stored for each
currency on offer against the base currency; the other pairs follow from these, by the rule of web/derivation.py, and
so do rates that a provider publishes against another currency. Central banks publish no crypto
currencies, so their rates are set by hand.
"""

import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from django.db import transaction
from django.utils import timezone

from exchanger.kernel.money.currencies import currency
from exchanger.kernel.money.pairs import Pair
from web.adapter import WebAdapter, of_pairs
from web.configuration import WebConfiguration, read_configuration
from web.derivation import derive
from web.feeds.answers import Answer, FeedError, Provider, WrongAnswer
from web.feeds.providers import PROVIDERS, ask
from web.models import MANUAL, ExchangeRate, HeldReason
from web.services.held_rates import deviation_percent, held_rate_add, held_rates_supersede
from web.services.rates import Period, RateRefused, forget_cached, locked, place

logger = logging.getLogger(__name__)


class Outcome(StrEnum):
    """What became of one offered rate."""

    APPLIED = "applied"
    CONFIRMED = "confirmed"  # it is the one in force
    HELD = "held"
    REJECTED = "rejected before"  # an operator has said no to this very rate
    OVERRIDDEN = "a rate set by hand is in force"
    SCHEDULED = "scheduled"  # for when the rate set by hand ends


@dataclass(frozen=True, slots=True)
class Offer:
    """A provider's rate for a pair that is stored."""

    pair: Pair
    rate: Decimal
    source: str
    published_for: date


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did: the outcome of each offer, what each failed provider said, which currencies got no rate."""

    offers: Sequence[tuple[Offer, Outcome]]
    failures: Sequence[tuple[str, str]]
    missing: Sequence[str]


def rates_fetch(*, provider: str | None = None, dry_run: bool = False) -> Report:
    """Ask the configured providers, or the one named, and put what they say into force where nothing speaks against it.

    With ``dry_run`` everything is tried and nothing stays. A provider that fails is reported, and the next one asked.

    Raises:
        web.configuration.NotConfigured
    """
    configuration = read_configuration()
    wanted = sorted(
        code for code in configuration.currencies if code != configuration.base_currency and not currency(code).crypto
    )
    offers: list[tuple[Offer, Outcome]] = []
    failures: list[tuple[str, str]] = []
    for name in configuration.feeds if provider is None else (provider,):
        if not wanted:
            break
        try:
            answer = _fresh(PROVIDERS[name], configuration)
        except FeedError as error:
            logger.warning("No rates from %s: %s", name, error)
            failures.append((name, str(error)))
            continue
        for offer in _offers(PROVIDERS[name], answer, wanted, configuration.base_currency):
            outcome = rate_offer(offer=offer, configuration=configuration, dry_run=dry_run)
            logger.info("%s of %s at %s: %s", offer.pair.title, name, offer.rate, outcome)
            offers.append((offer, outcome))
        given = {code for offer, _ in offers for code in offer.pair}
        wanted = [code for code in wanted if code not in given]
    return Report(offers, failures, wanted)


def rate_offer(*, offer: Offer, configuration: WebConfiguration, dry_run: bool = False) -> Outcome:
    """Apply one provider's rate, or hold it; ``dry_run`` tells which, and changes nothing."""
    with locked(offer.pair) as now:
        outcome = _decide(offer, configuration, now)
        if dry_run:
            transaction.set_rollback(True, using="web")
        return outcome


def _fresh(provider: Provider, configuration: WebConfiguration) -> Answer:
    answer = ask(provider)
    age = timezone.now().date() - answer.published_for
    if not -configuration.feed_max_age <= age <= configuration.feed_max_age:
        raise WrongAnswer(f"its rates are for {answer.published_for.isoformat()}")
    return answer


def _offers(provider: Provider, answer: Answer, wanted: Sequence[str], base: str) -> Iterator[Offer]:
    """A rate of each wanted currency against ``base``: as it is published where it is, else through the provider's."""
    stored = _stored([Pair(code, base) for code in wanted])
    for code in wanted:
        pair = Pair(code, base)
        derived = [derive(way, provider.base, answer.rates) for way in _ways(pair, stored, answer)]
        found = max((each for each in derived if each is not None), key=lambda each: each.rate, default=None)
        if found is not None:
            yield Offer(found.pair, found.rate, provider.name, answer.published_for)


def _ways(pair: Pair, stored: Collection[Pair], answer: Answer) -> list[Pair]:
    """The direction to store a pair in: the one there is, else as it is published, else whichever keeps more digits.

    One direction is the source of both, so that the two never disagree.
    """
    ways = [pair, pair.inverse]
    for known in (stored, answer.rates):
        if found := [way for way in ways if way in known]:
            return found[:1]
    return ways


def _stored(pairs: Sequence[Pair]) -> set[Pair]:
    """Which of the pairs and their inverses have a rate in force."""
    either = [way for pair in pairs for way in (pair, pair.inverse)]
    return {rate.pair for rate in WebAdapter().find_current_rates().filter(of_pairs(either))}


def _decide(offer: Offer, configuration: WebConfiguration, now: datetime) -> Outcome:
    """What becomes of an offer, under the pair's lock."""
    last, following = _around(offer.pair, now)
    in_force = last if last is not None and (last.valid_until is None or last.valid_until > now) else None
    start, outcome = now, Outcome.APPLIED
    if in_force is not None and in_force.source == MANUAL:
        if in_force.valid_until is None or _follows_by_hand(in_force, following):
            return Outcome.OVERRIDDEN
        start, outcome = in_force.valid_until, Outcome.SCHEDULED
    elif in_force is not None and in_force.rate == offer.rate:
        _confirm(in_force, now)
        held_rates_supersede(pair=offer.pair, source=offer.source)
        return Outcome.CONFIRMED
    if last is not None and abs(deviation_percent(offer.rate, last.rate)) > configuration.max_deviation_percent:
        return _held(offer, last, HeldReason.DEVIATION)
    try:
        place(Period(offer.pair, offer.rate, offer.source, None, start, None, now))
    except RateRefused as refusal:
        logger.warning("%s of %s is held: %s", offer.pair.title, offer.source, refusal)
        return _held(offer, last, HeldReason.ROUND_TRIP)
    held_rates_supersede(pair=offer.pair, source=offer.source)
    return outcome


def _around(pair: Pair, now: datetime) -> tuple[ExchangeRate | None, ExchangeRate | None]:
    """The pair's latest rate that has begun, and the next one that has not."""
    of_pair = ExchangeRate.objects.filter(from_currency=pair.source, to_currency=pair.target)
    begun = of_pair.filter(valid_from__lte=now).order_by("-valid_from").first()
    return begun, of_pair.filter(valid_from__gt=now).order_by("valid_from").first()


def _follows_by_hand(rate: ExchangeRate, following: ExchangeRate | None) -> bool:
    return following is not None and following.source == MANUAL and following.valid_from == rate.valid_until


def _confirm(rate: ExchangeRate, now: datetime) -> None:
    rate.confirmed_at = now
    rate.save(update_fields=["confirmed_at"])
    forget_cached([rate.pair])


def _held(offer: Offer, last: ExchangeRate | None, reason: HeldReason) -> Outcome:
    held = held_rate_add(
        pair=offer.pair,
        rate=offer.rate,
        rate_in_force=None if last is None else last.rate,
        source=offer.source,
        published_for=offer.published_for,
        reason=reason,
    )
    return Outcome.REJECTED if held is None else Outcome.HELD
