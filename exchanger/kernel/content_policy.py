"""The content security policy of every answer: pages load from our own host alone, what is no page loads nothing."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

GetResponse = Callable[[HttpRequest], HttpResponseBase]

# The operators' panel, the page of the API's description, and those that the links of mails lead to.
PAGES = ("/admin/", "/api/docs/", "/account/")
# No script and no style stands in a page, and no code is made of text: see admin_panel/templates/unfold.
PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
DATA_POLICY = "default-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"


def content_policy(get_response: GetResponse) -> GetResponse:
    """Middleware: browsers are told what an answer may load and run."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        policy = PAGE_POLICY if request.path.startswith(PAGES) else DATA_POLICY
        response.headers.setdefault("Content-Security-Policy", policy)
        return response

    return answer
