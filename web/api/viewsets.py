from operator import attrgetter

from django.db.models import QuerySet
from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from exchanger.kernel.csv_export import CSVList
from exchanger.kernel.own_rows import OwnRows
from exchanger.kernel.pagination import KeysetPagination
from identity.api.requests import person_id
from identity.services.throttling import throttle_use
from web.adapter import WebAdapter
from web.api.acting import OpenToBot
from web.api.filters import TransactionFilter
from web.api.limits import EXPORTS
from web.api.serializers import BalanceSerializer, TransactionSerializer
from web.models import Transaction

STATEMENT = OpenApiResponse(
    OpenApiTypes.STR,
    examples=[
        OpenApiExample(
            "statement",
            "id,order_id,payment_id,kind,account,currency,amount,description,created_at\r\n"
            "0b5e9f3a-6c1d-4f7e-9a52-3d8c7e1f4b60,7d1f0c52-8a43-4a0e-b7a7-58f1d7f0c9aa,,order_completed,client,UAH,"
            "4116.86000000,,2026-03-02T09:30:00Z\r\n",
        )
    ],
)


class TransactionViewSet(OpenToBot, OwnRows[Transaction], CSVList[Transaction], viewsets.GenericViewSet[Transaction]):
    """The movements of the client's own money, newest first: what left or came, and what is held for them."""

    bot_may = ("list",)
    serializer_class = TransactionSerializer
    filterset_class = TransactionFilter
    ordering = ("-created_at", "-id")
    queryset = Transaction.objects.none()

    def own_rows(self) -> QuerySet[Transaction]:
        return WebAdapter().find_user_transactions(person_id(self.request))

    csv_name = "transactions"
    csv_columns = {name: attrgetter(name) for name in TransactionSerializer.Meta.fields}

    @extend_schema(
        responses={(200, "application/json"): TransactionSerializer(many=True), (200, "text/csv"): STATEMENT}
    )
    def list(self, request: Request) -> HttpResponseBase:
        """The movements of the client's own money, newest first: what left or came, and what is held for them.

        As CSV (`Accept: text/csv` or `?format=csv`) it is the whole statement in one file, by the same filters and
        without pages: a header row, times in UTC, amounts as plain numbers, and a `'` before any text that a
        spreadsheet would take for a formula.
        """
        if self.wants_csv(request):
            KeysetPagination().get_page_size(request)  # refused where the pages would refuse it
            throttle_use(rule=EXPORTS, who=str(person_id(request)))
            return self.csv_response()
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class BalanceViewSet(OpenToBot, viewsets.ViewSet):
    """What the client's movements come to, by currency."""

    bot_may = ("list",)

    @extend_schema(responses=BalanceSerializer(many=True))
    def list(self, request: Request) -> Response:
        balances = WebAdapter().find_user_balances(person_id(request))
        return Response(BalanceSerializer(balances, many=True).data)
