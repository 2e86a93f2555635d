from django_filters import rest_framework as filters

from exchanger.kernel.filters import MomentFilter
from web.models import Account, EntryKind, ExchangeRate, Order, OrderStatus, Payment, PaymentStatus, Transaction


class OrderFilter(filters.FilterSet):
    status = filters.MultipleChoiceFilter(choices=OrderStatus.choices)
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
    status = filters.MultipleChoiceFilter(choices=PaymentStatus.choices)
    payment_method = filters.CharFilter()
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Payment
        fields: tuple[str, ...] = ()


class TransactionFilter(filters.FilterSet):
    order = filters.UUIDFilter(field_name="order_id")
    account = filters.ChoiceFilter(choices=[(Account.CLIENT, "client"), (Account.SUSPENSE, "suspense")])
    kind = filters.MultipleChoiceFilter(choices=EntryKind.choices)
    currency = filters.CharFilter(lookup_expr="iexact")
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Transaction
        fields: tuple[str, ...] = ()
