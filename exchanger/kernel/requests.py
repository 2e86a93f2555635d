"""The WSGI application's requests: text is UTF-8, whatever Content-Type says of a body's charset."""

from typing import Any

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters


class UTF8Request(WSGIRequest):
    """JSON and addresses know no other charset.

    Django would read the address by the body's, while it makes the request: one that is no charset of text, such as
    zlib, or too many parameters, would be a 500 that no handler of errors sees.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))


class Application(WSGIHandler):
    request_class = UTF8Request
