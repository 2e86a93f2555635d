from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from exchanger.kernel.own_rows import OwnRows
from exchanger.kernel.schema import refuses
from identity.api.requests import person_id
from identity.services.throttling import throttle_use
from web.adapter import WebAdapter
from web.api.acting import OpenToBot
from web.api.limits import QUOTES
from web.api.serializers import QuoteRequestSerializer, QuoteSerializer
from web.configuration import NotConfigured
from web.models import Quote
from web.services.quotes import QuoteRefused, quote_create


class QuoteViewSet(
    OpenToBot, OwnRows[Quote], mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Quote]
):
    """The client's own quotes, newest first."""

    bot_may = ("create", "retrieve")
    serializer_class = QuoteSerializer
    ordering = ("-created_at", "-id")
    queryset = Quote.objects.none()

    def own_rows(self) -> QuerySet[Quote]:
        return WebAdapter().find_user_quotes(person_id(self.request))

    @extend_schema(request=QuoteRequestSerializer, responses={201: QuoteSerializer})
    @refuses(QuoteRefused, NotConfigured)
    def create(self, request: Request) -> Response:
        """A firm offer, from either side: the amount to give, or the amount to get."""
        form = QuoteRequestSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        throttle_use(rule=QUOTES, who=str(person_id(request)))
        quote = quote_create(user_id=person_id(request), **form.validated_data)
        return Response(QuoteSerializer(quote).data, status.HTTP_201_CREATED)
