"""The panel's own static files, as unfold asks for them."""

from django.http import HttpRequest
from django.templatetags.static import static


def favicon(request: HttpRequest) -> str:
    return static("admin_panel/favicon.svg")
