"""``/metrics``: what the process has counted, in Prometheus' text format, for whoever has the token."""

from collections.abc import Callable, Sequence
from hmac import compare_digest

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.registry import Collector

from exchanger.kernel.errors import body
from exchanger.kernel.metrics.process import process_registry


def metrics_view(*collectors: Collector) -> Callable[[HttpRequest], HttpResponse]:
    """The view, which asks ``collectors`` beside the process's own counts."""

    @require_safe
    def metrics(request: HttpRequest) -> HttpResponse:
        """404 without METRICS_TOKEN, 401 to whoever does not send it; no session is looked at."""
        if not settings.METRICS_TOKEN:
            raise Http404
        if not compare_digest(_given(request), settings.METRICS_TOKEN.encode()):
            refusal = body("not_authenticated", "Send this process's METRICS_TOKEN: Authorization: Bearer <token>.")
            return JsonResponse(refusal, status=401, headers={"WWW-Authenticate": "Bearer"})
        return HttpResponse(_exposition(collectors), CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})

    return metrics


def _given(request: HttpRequest) -> bytes:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.encode(errors="replace") if scheme.lower() == "bearer" else b""


def _exposition(collectors: Sequence[Collector]) -> bytes:
    more = CollectorRegistry()
    for collector in collectors:
        more.register(collector)
    return generate_latest(process_registry()) + generate_latest(more)
