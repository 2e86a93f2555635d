"""One address more, which saves a number in the session, since none of the application's own does as little."""

from collections.abc import Callable

import orjson
from django.http import HttpRequest, HttpResponse, JsonResponse

DRAFT = "/api/v1/drill/draft"


class Draft:
    """The innermost middleware: it answers the address; the application's own URLs stay as they are."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path != DRAFT:
            return self.get_response(request)
        if not request.user.is_authenticated:
            return JsonResponse({"code": "not_authenticated", "message": "Log in.", "details": {}}, status=401)
        if request.method == "GET":
            return JsonResponse({"number": request.session.get("draft")})
        request.session["draft"] = orjson.loads(request.body)["number"]
        return HttpResponse(status=204)
