"""Middleware: how many requests, how long they took, by the route that answered and never by the address."""

from collections.abc import Callable
from functools import cache
from time import perf_counter

from django.contrib.admindocs.views import simplify_regex
from django.http import HttpRequest, HttpResponseBase

from exchanger.kernel.cache.access import circuit
from exchanger.kernel.metrics.process import CIRCUIT_OPEN, DURATION, IN_FLIGHT, REQUESTS

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NO_ROUTE = "none"  # an address that is not there, or a static file
GetResponse = Callable[[HttpRequest], HttpResponseBase]


def measured(get_response: GetResponse) -> GetResponse:
    told: bool | None = None

    def answer(request: HttpRequest) -> HttpResponseBase:
        nonlocal told
        begun = perf_counter()
        IN_FLIGHT.inc()
        try:
            response = get_response(request)
        finally:
            IN_FLIGHT.dec()
        method = request.method if request.method in METHODS else "other"
        route = NO_ROUTE if request.resolver_match is None else _template(request.resolver_match.route)
        REQUESTS.labels(method, route, response.status_code).inc()
        DURATION.labels(method, route).observe(perf_counter() - begun)
        if told is not circuit.is_open:
            told = circuit.is_open
            CIRCUIT_OPEN.set(told)
        return response

    return answer


@cache
def _template(route: str) -> str:
    """A route as one writes it: ``/api/v1/orders/<pk>/``."""
    return str(simplify_regex(route))
