"""The document that operators write and publish for the web application, key by key.

Amounts and shares are decimal strings, durations whole seconds.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from django.conf import settings
from rest_framework import serializers

from exchanger.kernel.documents import StrictSerializer
from exchanger.kernel.money.fields import CurrencyField, DecimalField, PairField

HOUR = 3600
DAY = 24 * HOUR


class LimitsSerializer(StrictSerializer):
    min = DecimalField()
    max = DecimalField()

    def validate(self, attrs: dict[str, Decimal]) -> dict[str, Decimal]:
        if not 0 < attrs["min"] <= attrs["max"]:
            raise serializers.ValidationError("The minimum is above zero and not above the maximum.")
        return attrs


class BankAccountSerializer(StrictSerializer):
    recipient = serializers.CharField(max_length=140)
    iban = serializers.CharField(max_length=34)
    bank = serializers.CharField(max_length=140)


class DocumentSerializer(StrictSerializer):
    """What the web application does, as operators decide it. What has a default may be left out."""

    pairs = serializers.ListField(
        child=PairField(), allow_empty=False, max_length=1000, help_text="What is on offer: given/received, one a line."
    )
    limits = serializers.DictField(
        child=LimitsSerializer(),
        help_text="Least and most of one order, in what is given: by currency, or by pair where one needs its own.",
    )
    client_daily_limits = serializers.DictField(
        child=DecimalField(),
        required=False,
        default=dict,
        help_text="The most of a currency that one client may give on a day (UTC).",
    )
    pair_daily_limits = serializers.DictField(
        child=DecimalField(),
        required=False,
        default=dict,
        help_text="The most that all clients together may give in a pair on a day (UTC).",
    )
    large_refunds = serializers.DictField(
        child=DecimalField(),
        required=False,
        default=dict,
        help_text="A refund of more than this much of a currency takes a second operator.",
    )
    bank_accounts = serializers.DictField(
        child=BankAccountSerializer(),
        required=False,
        default=dict,
        help_text="Where clients send their transfers of a currency; without one it is not paid by transfer.",
    )
    spread = DecimalField(help_text="The share of the market's rate that the house keeps: 0.005 is half a percent.")
    fee = DecimalField(help_text="The share of what is received that the house keeps: 0.003 is 0.3 percent.")
    rate_max_age_seconds = serializers.IntegerField(
        min_value=60, max_value=30 * DAY, help_text="Nothing is exchanged at a rate confirmed longer ago than this."
    )
    quote_life_seconds = serializers.IntegerField(
        min_value=10, max_value=DAY, help_text="How long a quote is firm, and its order may be paid."
    )
    maintenance_mode = serializers.BooleanField(help_text="While it is on, nothing new can be exchanged.")
    base_currency = CurrencyField(help_text="Rates of pairs that have none of their own go through this currency.")
    max_deviation_percent = DecimalField(
        help_text="A feed's rate further from the one in force is held for an operator."
    )
    feeds = serializers.ListField(
        child=serializers.ChoiceField(choices=sorted(settings.FEED_URLS)),
        help_text="Whom rates are fetched from, the first that answers; one a line.",
    )
    feed_max_age_seconds = serializers.IntegerField(
        min_value=HOUR, max_value=30 * DAY, help_text="A feed's day older than this is not taken."
    )

    def validate_pairs(self, pairs: list[Any]) -> list[Any]:
        if len(set(pairs)) != len(pairs):
            raise serializers.ValidationError("Each pair stands here once.")
        return pairs

    def validate_feeds(self, feeds: list[str]) -> list[str]:
        if len(set(feeds)) != len(feeds):
            raise serializers.ValidationError("Each provider stands here once.")
        return feeds

    def validate_limits(self, limits: dict[str, Any]) -> dict[str, Any]:
        return _by(_currency_or_pair, limits)

    def validate_client_daily_limits(self, limits: dict[str, Decimal]) -> dict[str, Decimal]:
        return _by(_currency, limits)

    def validate_large_refunds(self, limits: dict[str, Decimal]) -> dict[str, Decimal]:
        return _by(_currency, limits)

    def validate_bank_accounts(self, accounts: dict[str, Any]) -> dict[str, Any]:
        return _by(_currency, accounts)

    def validate_pair_daily_limits(self, limits: dict[str, Decimal]) -> dict[str, Decimal]:
        return _by(_pair, limits)

    def validate_spread(self, share: Decimal) -> Decimal:
        return _share(share)

    def validate_fee(self, share: Decimal) -> Decimal:
        return _share(share)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        limits = attrs["limits"]
        if missing := sorted({p.source for p in attrs["pairs"] if p.title not in limits and p.source not in limits}):
            raise serializers.ValidationError({"limits": f"There are none for {', '.join(missing)}."})
        return attrs


def _by(name: Callable[[str], str], named: Mapping[str, Any]) -> dict[str, Any]:
    """The values by what their keys name, each of which stands there once."""
    found: dict[str, Any] = {}
    for key, value in named.items():
        if (known := name(key)) in found:
            raise serializers.ValidationError(f"{known} stands here twice.")
        found[known] = value
    return found


def _currency(key: str) -> str:
    code: str = CurrencyField().run_validation(key)
    return code


def _pair(key: str) -> str:
    title: str = PairField().run_validation(key).title
    return title


def _currency_or_pair(key: str) -> str:
    return _pair(key) if "/" in key or "_" in key else _currency(key)


def _share(share: Decimal) -> Decimal:
    if share >= 1:
        raise serializers.ValidationError("A share is below 1: 0.005 is half a percent.")
    return share
