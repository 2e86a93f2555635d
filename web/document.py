"""The document that operators write and publish for the web application, key by key.

Amounts and shares are decimal strings, durations whole seconds.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.conf import settings
from rest_framework import serializers

from exchanger.kernel.money.fields import CurrencyField, DecimalField, PairField

HOUR = 3600
DAY = 24 * HOUR


class _Strict(serializers.Serializer[Any]):
    """A key that is not known is a mistake: a rule that somebody meant, and that would not be obeyed."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := sorted(set(data) - set(self.fields))):
            raise serializers.ValidationError({str(key): ["There is no such key."] for key in unknown})
        return super().to_internal_value(data)


class LimitsSerializer(_Strict):
    min = DecimalField()
    max = DecimalField()

    def validate(self, attrs: dict[str, Decimal]) -> dict[str, Decimal]:
        if not 0 < attrs["min"] <= attrs["max"]:
            raise serializers.ValidationError("The minimum is above zero and not above the maximum.")
        return attrs


class BankAccountSerializer(_Strict):
    recipient = serializers.CharField(max_length=140)
    iban = serializers.CharField(max_length=34)
    bank = serializers.CharField(max_length=140)


class DocumentSerializer(_Strict):
    """``limits`` are of what is given, by currency (``USD``) or, where a pair needs its own, by pair (``USD/UAH``).

    What follows is optional. ``client_daily_limits`` are how much of a currency one client may give on a day (UTC), and
    ``pair_daily_limits`` how much all of them together in a pair. A refund above ``large_refunds`` of its currency
    needs a second operator. ``bank_accounts`` (by currency) are where clients send their transfers.
    """

    pairs = serializers.ListField(child=PairField(), allow_empty=False, max_length=1000)
    limits = serializers.DictField(child=LimitsSerializer())
    client_daily_limits = serializers.DictField(child=DecimalField(), required=False, default=dict)
    pair_daily_limits = serializers.DictField(child=DecimalField(), required=False, default=dict)
    large_refunds = serializers.DictField(child=DecimalField(), required=False, default=dict)
    bank_accounts = serializers.DictField(child=BankAccountSerializer(), required=False, default=dict)
    spread = DecimalField()
    fee = DecimalField()
    rate_max_age_seconds = serializers.IntegerField(min_value=60, max_value=30 * DAY)
    quote_life_seconds = serializers.IntegerField(min_value=10, max_value=DAY)
    maintenance_mode = serializers.BooleanField()
    base_currency = CurrencyField()
    max_deviation_percent = DecimalField()
    feeds = serializers.ListField(child=serializers.ChoiceField(choices=sorted(settings.FEED_URLS)))
    feed_max_age_seconds = serializers.IntegerField(min_value=HOUR, max_value=30 * DAY)

    def validate_pairs(self, pairs: list[Any]) -> list[Any]:
        if len(set(pairs)) != len(pairs):
            raise serializers.ValidationError("Each pair stands here once.")
        return pairs

    def validate_feeds(self, feeds: list[str]) -> list[str]:
        if len(set(feeds)) != len(feeds):
            raise serializers.ValidationError("Each provider stands here once.")
        return feeds

    def validate_client_daily_limits(self, limits: dict[str, Decimal]) -> dict[str, Decimal]:
        return _by(CurrencyField(), limits)

    def validate_large_refunds(self, limits: dict[str, Decimal]) -> dict[str, Decimal]:
        return _by(CurrencyField(), limits)

    def validate_bank_accounts(self, accounts: dict[str, Any]) -> dict[str, Any]:
        return _by(CurrencyField(), accounts)

    def validate_pair_daily_limits(self, limits: dict[str, Decimal]) -> dict[str, Decimal]:
        return {pair.title: limit for pair, limit in _by(PairField(), limits).items()}

    def validate_spread(self, share: Decimal) -> Decimal:
        return _share(share)

    def validate_fee(self, share: Decimal) -> Decimal:
        return _share(share)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        limits = attrs["limits"]
        if missing := sorted({p.source for p in attrs["pairs"] if p.title not in limits and p.source not in limits}):
            raise serializers.ValidationError({"limits": f"There are none for {', '.join(missing)}."})
        return attrs


def _by(field: serializers.Field[Any, Any, Any, Any], named: Mapping[str, Any]) -> dict[Any, Any]:
    """The values by what their keys name; ``field`` says whether a key names one."""
    return {field.run_validation(key): value for key, value in named.items()}


def _share(share: Decimal) -> Decimal:
    if share >= 1:
        raise serializers.ValidationError("A share is below 1: 0.005 is half a percent.")
    return share
