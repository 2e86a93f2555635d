"""How many requests of all kinds a person may make; what is costly has limits of its own, counted in Redis."""

from typing import Any

from django.conf import settings
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from exchanger.kernel import windows
from exchanger.kernel.origin import origin_of
from exchanger.kernel.throttled import Throttled
from identity.services.throttling import network_of


class RequestThrottle(BaseThrottle):
    """``API_PER_MINUTE`` reads and writes of each person, or of each address where nobody is logged in.

    Every process counts by itself, in memory: a shared count would be one more Redis command on every request, half
    as much again as a warm session costs. So several processes together grant up to as many times the limit.
    """

    def allow_request(self, request: Request, view: Any) -> bool:
        """True, or it raises Throttled, whose message and details are those of every other limit."""
        scope = "reads" if request.method in SAFE_METHODS else "writes"
        who = request.user.pk or network_of(origin_of(request._request))
        wait = windows.requests.use(f"{scope} {who}", settings.API_PER_MINUTE[scope])
        if wait:
            raise Throttled(wait)
        return True
