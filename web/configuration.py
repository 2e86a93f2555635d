"""The web application's configuration, typed: what is on offer, within which limits, and on which terms."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Self

from exchanger.kernel.documents import InvalidDocument
from exchanger.kernel.money.pairs import Pair
from exchanger.kernel.published import PublishedDocument, RecentCopy
from exchanger.kernel.refusals import Refused
from web.document import DocumentSerializer
from web.models import PublishedConfiguration

logger = logging.getLogger(__name__)

KEY = "web"


class NotConfigured(Refused):
    """Nothing has been published, or something that this version of the code cannot obey."""

    MESSAGE = "The exchange is not set up at the moment: try again later."
    codes = {503: {"not_configured": MESSAGE}}

    def __init__(self) -> None:
        super().__init__("not_configured", self.MESSAGE, status=503, retry_after=60)


@dataclass(frozen=True, slots=True)
class Limits:
    """The least and the most that may be given, in units of the currency given."""

    minimum: Decimal
    maximum: Decimal


@dataclass(frozen=True, slots=True)
class BankAccount:
    """Where clients send their transfers of one currency."""

    recipient: str
    iban: str
    bank: str


@dataclass(frozen=True, slots=True)
class WebConfiguration:
    """One published version.

    ``spread`` is the share of the market's rate, and ``fee`` the share of what the client is to receive, that the house
    keeps. ``client_daily_limits`` (by currency) and ``pair_daily_limits`` (by pair) are the most that may be given on a
    day, ``large_refunds`` the most of a currency that goes back on one operator's word, ``bank_accounts`` (by currency)
    where transfers come. ``max_deviation_percent`` is how far a feed's rate may be from the one in force. ``feeds`` are
    the providers of rates in the order in which they are asked; ``feed_max_age`` is how old the day of a provider's
    rates may be.
    """

    version: int
    pairs: tuple[Pair, ...]
    limits: Mapping[str, Limits]
    client_daily_limits: Mapping[str, Decimal]
    pair_daily_limits: Mapping[str, Decimal]
    large_refunds: Mapping[str, Decimal]
    bank_accounts: Mapping[str, BankAccount]
    spread: Decimal
    fee: Decimal
    rate_max_age: timedelta
    quote_life: timedelta
    maintenance_mode: bool
    base_currency: str
    max_deviation_percent: Decimal
    feeds: tuple[str, ...]
    feed_max_age: timedelta

    @classmethod
    def parse(cls, version: int, document: Any) -> Self:
        """The configuration that a document states.

        Raises:
            InvalidDocument
        """
        form = DocumentSerializer(data=document)
        if not form.is_valid():
            raise InvalidDocument(form.errors)
        known = form.validated_data
        return cls(
            version=version,
            pairs=tuple(known["pairs"]),
            limits={key: Limits(limit["min"], limit["max"]) for key, limit in known["limits"].items()},
            client_daily_limits=known["client_daily_limits"],
            pair_daily_limits=known["pair_daily_limits"],
            large_refunds=known["large_refunds"],
            bank_accounts={code: BankAccount(**account) for code, account in known["bank_accounts"].items()},
            spread=known["spread"],
            fee=known["fee"],
            rate_max_age=timedelta(seconds=known["rate_max_age_seconds"]),
            quote_life=timedelta(seconds=known["quote_life_seconds"]),
            maintenance_mode=known["maintenance_mode"],
            base_currency=known["base_currency"],
            max_deviation_percent=known["max_deviation_percent"],
            feeds=tuple(known["feeds"]),
            feed_max_age=timedelta(seconds=known["feed_max_age_seconds"]),
        )

    @property
    def currencies(self) -> frozenset[str]:
        """Every currency that some pair has."""
        return frozenset(code for pair in self.pairs for code in pair)

    def limits_of(self, pair: Pair) -> Limits:
        """The pair's own limits, else those of the currency that is given."""
        return self.limits.get(pair.title) or self.limits[pair.source]


PUBLISHED = PublishedDocument(PublishedConfiguration, "web", KEY, WebConfiguration.parse)


def read_configuration() -> WebConfiguration:
    """The configuration in force, from the database: for decisions about money, in their transaction.

    Raises:
        NotConfigured
    """
    try:
        found = PUBLISHED.read()
    except InvalidDocument as error:
        logger.exception("The published configuration cannot be obeyed")
        raise NotConfigured from error
    if found is None:
        raise NotConfigured
    return found


_recent = RecentCopy(read_configuration)


def recent_configuration() -> WebConfiguration:
    """The process's copy, at most five seconds old: for what only shows something. Raises NotConfigured."""
    return _recent.get()


def forget_recent() -> None:
    """Let the next look see what has just been published."""
    _recent.forget()
