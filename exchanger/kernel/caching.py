"""Who may keep an answer: browsers and proxies for a moment where it is the same for everybody, nobody otherwise."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_cache_control, set_response_etag
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

GetResponse = Callable[[HttpRequest], HttpResponseBase]


def no_store(get_response: GetResponse) -> GetResponse:
    """Middleware: nobody keeps an answer of the API that does not say that it may be kept."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.path.startswith("/api/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    return answer


class PublicAnswers(APIView):
    """A view whose answers are the same for everybody: it asks for no session, and its answers may be kept.

    For ``cache_seconds``, or until ``expires_at``, which a handler sets where its answer ends by itself. After that
    the ETag tells whether it is still the same one.
    """

    authentication_classes = []
    permission_classes = [AllowAny]
    cache_seconds = 5
    expires_at: datetime | None = None

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        if response.status_code == 200 and request.method in ("GET", "HEAD"):
            patch_cache_control(response, public=True, max_age=self._seconds())
            response.add_post_render_callback(partial(_tagged, request._request))
        return response

    def _seconds(self) -> int:
        if self.expires_at is None:
            return self.cache_seconds
        return max(0, min(self.cache_seconds, int((self.expires_at - timezone.now()).total_seconds())))


def _tagged(request: HttpRequest, response: Response) -> Any:
    """The answer with its ETag, or 304 for whoever has it."""
    set_response_etag(response)
    return get_conditional_response(request, etag=response.headers["ETag"], response=response)
