from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from exchanger.kernel.caching import PublicAnswers
from exchanger.kernel.filters import refuse_empty
from exchanger.kernel.money.currencies import currency
from exchanger.kernel.money.pairs import Pair, WrongPair
from exchanger.kernel.origin import origin_of
from exchanger.kernel.schema import refuses
from identity.services.throttling import network_of, throttle_use
from web.adapter import WebAdapter
from web.api.filters import RateFilter
from web.api.forms import HistoryForm
from web.api.limits import HISTORY as HISTORY_LIMIT
from web.api.serializers import HistorySerializer, OfferSerializer, RateSerializer
from web.cache import WebCache
from web.configuration import NotConfigured, WebConfiguration, recent_configuration
from web.history import INTERVALS, MOST_POINTS, HistoryRefused, rate_history
from web.models import ExchangeRate
from web.pricing import client_rate
from web.rates import CurrentRate, find_rates

PAIR = OpenApiParameter("pair", str, "path", description="Two currency codes, such as usd_uah.")
HISTORY = [
    PAIR,
    OpenApiParameter("since", datetime, description="ISO 8601; 30 days before until where it is left out."),
    OpenApiParameter("until", datetime, description="ISO 8601, exclusive; now where it is left out, at the latest."),
    OpenApiParameter("interval", str, enum=list(INTERVALS), description=f"day by default; at most {MOST_POINTS}."),
]
HISTORY_LENGTH = timedelta(days=30)
FIRST_MOMENT = datetime.min.replace(tzinfo=UTC)


class RateViewSet(PublicAnswers, viewsets.GenericViewSet[ExchangeRate]):
    """The stored rates in force now, for everybody; the other pairs on offer follow from them."""

    serializer_class = RateSerializer
    filterset_class = RateFilter
    ordering = ("from_currency", "to_currency", "id")
    lookup_field = "pair"
    lookup_value_regex = "[A-Za-z0-9]{2,10}_[A-Za-z0-9]{2,10}"

    def get_queryset(self) -> QuerySet[ExchangeRate]:
        return WebAdapter().find_current_rates()

    @extend_schema(responses=RateSerializer(many=True))
    def list(self, request: Request) -> Response:
        """The stored rates in force now, for everybody; the other pairs on offer follow from them."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        self.expires_at = _first_end(rate.valid_until for rate in page)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(parameters=[PAIR], responses=RateSerializer)
    def retrieve(self, request: Request, pair: str) -> Response:
        """The pair's rate in force now, from the cache where it is warm."""
        rate = WebCache().get_rate(_known(pair))
        if rate is None:
            raise Http404
        shown = RateSerializer(rate).data
        if shown["valid_until"] is not None:
            self.expires_at = datetime.fromisoformat(shown["valid_until"])
        return Response(shown)

    @extend_schema(parameters=HISTORY, responses={200: HistorySerializer}, filters=False)
    @refuses(HistoryRefused, NotConfigured)
    @action(detail=True, pagination_class=None, filter_backends=[])
    def history(self, request: Request, pair: str) -> Response:
        """How the pair's rate went, ready for a chart."""
        refuse_empty(request, HistoryForm.base_fields)
        form = HistoryForm(request.query_params)
        if not form.is_valid():
            raise ValidationError(
                {name: [str(problem) for problem in problems] for name, problems in form.errors.items()}
            )
        throttle_use(rule=HISTORY_LIMIT, who=network_of(origin_of(request._request)))
        now = timezone.now()
        until = min(form.cleaned_data["until"] or now, now)
        since = form.cleaned_data["since"] or until - min(HISTORY_LENGTH, until - FIRST_MOMENT)
        interval = form.cleaned_data["interval"] or "day"
        known = _known(pair)
        base = recent_configuration().base_currency
        points = rate_history(known, base, since=since, until=until, interval=interval)
        return Response(HistorySerializer({"pair": known.code, "interval": interval, "points": points}).data)


class OfferView(PublicAnswers):
    """What is on offer now: pairs, limits, fee and the rates that clients get. For everybody."""

    @extend_schema(responses=OfferSerializer, operation_id="pairs_list")
    @refuses(NotConfigured)
    def get(self, request: Request) -> Response:
        configuration = recent_configuration()
        rates = find_rates(configuration.pairs, configuration.base_currency)
        self.expires_at = _first_end(rate.valid_until for rate in rates.values())
        answer = {
            "maintenance_mode": configuration.maintenance_mode,
            "quote_life_seconds": int(configuration.quote_life.total_seconds()),
            "pairs": [_offered(pair, configuration, rates.get(pair)) for pair in configuration.pairs],
        }
        return Response(OfferSerializer(answer).data)


def _offered(pair: Pair, configuration: WebConfiguration, found: CurrentRate | None) -> dict[str, object]:
    limits = configuration.limits_of(pair)
    usable = found is not None and not found.is_stale(configuration.rate_max_age)
    rate = client_rate(found.rate, configuration.spread) if found is not None and usable else None
    return {
        "pair": pair.code,
        "from_currency": pair.source,
        "to_currency": pair.target,
        "minimum": limits.minimum,
        "maximum": limits.maximum,
        "from_decimals": currency(pair.source).places,
        "to_decimals": currency(pair.target).places,
        "fee": configuration.fee,
        "rate": rate or None,  # nothing is exchanged at zero
    }


def _first_end(ends: Iterable[datetime | None]) -> datetime | None:
    return min((end for end in ends if end is not None), default=None)


def _known(text: str) -> Pair:
    try:
        return Pair.parse(text)
    except WrongPair as error:
        raise Http404 from error
