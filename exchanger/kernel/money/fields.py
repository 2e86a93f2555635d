"""Serializer fields: amounts and rates come as plain decimal strings, currencies and pairs as codes."""

import re
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from exchanger.kernel.money.currencies import CEILING, UnknownCurrency, currency
from exchanger.kernel.money.pairs import Pair, WrongPair

_PLAIN = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)
_DECIMAL = {
    "type": "string",
    "pattern": r"^(0|[1-9][0-9]{0,9})(\.[0-9]{1,8})?$",
    "example": "100.00",
}


@extend_schema_field(_DECIMAL)
class DecimalField(serializers.Field[Decimal, Any, str, Any]):
    """A decimal number as a string of digits: no exponent, no NaN, no JSON number, which would have been a float.

    At most ten digits before the point and eight behind it, as the tables keep them.
    """

    default_error_messages = {
        "type": 'Send the number as a string, such as "100.50".',
        "format": 'Write digits with a point, such as "100.50".',
        "negative": "Send a number that is not negative.",
        "too_precise": "Send at most eight decimals.",
        "too_large": "Send a number below 10000000000.",
    }

    def to_internal_value(self, data: Any) -> Decimal:
        if not isinstance(data, str):
            self.fail("type")
        if not _PLAIN.fullmatch(data):
            self.fail("format")
        number = Decimal(data)
        if number.is_signed():
            self.fail("negative")
        if len(data.partition(".")[2]) > 8:
            self.fail("too_precise")
        if number >= CEILING:
            self.fail("too_large")
        return number

    def to_representation(self, value: Decimal) -> str:
        return f"{value:f}"


@extend_schema_field({"type": "string", "pattern": "^[A-Za-z0-9]{2,10}$", "example": "USD"})
class CurrencyField(serializers.Field[str, Any, str, Any]):
    """A known currency's code, in either case; upper case from then on."""

    default_error_messages = {"type": "Send the code of a currency, such as USD."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("type")
        try:
            return currency(data).code
        except UnknownCurrency as error:
            raise serializers.ValidationError(str(error), code="unknown_currency") from error

    def to_representation(self, value: str) -> str:
        return value


@extend_schema_field({"type": "string", "pattern": "^[A-Za-z0-9]{2,10}[_/][A-Za-z0-9]{2,10}$", "example": "usd_uah"})
class PairField(serializers.Field[Pair, Any, str, Any]):
    """Two known currencies: ``usd_uah``."""

    default_error_messages = {"type": "Send two currency codes, such as usd_uah."}

    def to_internal_value(self, data: Any) -> Pair:
        if not isinstance(data, str):
            self.fail("type")
        try:
            return Pair.parse(data)
        except WrongPair as error:
            raise serializers.ValidationError(str(error), code="wrong_pair") from error

    def to_representation(self, value: Pair) -> str:
        return value.code
