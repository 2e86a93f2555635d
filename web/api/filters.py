from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_field

from exchanger.kernel.filters import MomentFilter
from exchanger.kernel.money.pairs import Pair, WrongPair
from web.models import Account, EntryKind, ExchangeRate, Order, OrderStatus, Payment, PaymentStatus, Transaction


class PairFormField(forms.Field):
    def to_python(self, value: Any) -> Pair | None:
        if not value:
            return None
        try:
            return Pair.parse(value)
        except WrongPair as error:
            raise ValidationError(str(error), code="wrong_pair") from error


@extend_schema_field({"type": "string", "pattern": "^[A-Za-z0-9]{2,10}[_/][A-Za-z0-9]{2,10}$", "example": "usd_uah"})
class PairFilter(filters.Filter):
    """``usd_uah``: what goes from the one into the other."""

    field_class = PairFormField

    def filter(self, queryset: QuerySet[Any], value: Pair | None) -> QuerySet[Any]:
        if value is None:
            return queryset
        return queryset.filter(from_currency=value.source, to_currency=value.target)


class ChoicesFilter(filters.MultipleChoiceFilter):
    """Any of the values that are given, of a column of the row itself: none comes twice, so nothing is sorted out."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, distinct=False, **kwargs)


class OrderFilter(filters.FilterSet):
    status = ChoicesFilter(choices=OrderStatus.choices)
    pair = PairFilter()
    from_currency = filters.CharFilter(lookup_expr="iexact")
    to_currency = filters.CharFilter(lookup_expr="iexact")
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Order
        fields: tuple[str, ...] = ()


class RateFilter(filters.FilterSet):
    from_currency = filters.CharFilter(lookup_expr="iexact")
    to_currency = filters.CharFilter(lookup_expr="iexact")

    class Meta:
        model = ExchangeRate
        fields: tuple[str, ...] = ()


class PaymentFilter(filters.FilterSet):
    order = filters.UUIDFilter(field_name="order_id")
    status = ChoicesFilter(choices=PaymentStatus.choices)
    payment_method = filters.CharFilter()
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Payment
        fields: tuple[str, ...] = ()


class TransactionFilter(filters.FilterSet):
    order = filters.UUIDFilter(field_name="order_id")
    account = filters.ChoiceFilter(choices=[(Account.CLIENT, "client"), (Account.SUSPENSE, "suspense")])
    kind = ChoicesFilter(choices=EntryKind.choices)
    currency = filters.CharFilter(lookup_expr="iexact")
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Transaction
        fields: tuple[str, ...] = ()
