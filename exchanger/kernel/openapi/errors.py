"""The errors that an operation can answer with, as its description states them: an example for each code."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from rest_framework.exceptions import APIException

from exchanger.kernel.errors import UNAVAILABLE, body
from exchanger.kernel.refusals import Refused

DESCRIPTIONS = {
    400: "The request is not valid.",
    401: "No session, or one that has ended: log in.",
    403: "The session's person may not do this in this context.",
    404: "There is no such thing, or it is not yours to see.",
    406: "The answer cannot be had in the format that Accept asks for.",
    409: "It does not fit the state of things.",
    415: "The body is in another format than those that are listed.",
    429: "Too many requests: try again after Retry-After seconds.",
    503: "It cannot be done at the moment: try again after Retry-After seconds.",
}
WAITING = (429, 503)


@dataclass(frozen=True, slots=True)
class Known:
    """One error: its ``message`` as people may read it, and ``details`` as they may come with it."""

    status: int
    code: str
    message: str
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def example(self) -> dict[str, Any]:
        return body(self.code, self.message, self.details)


HOST = Known(400, "bad_request", "The request cannot be understood: check its address and headers.")
FIELDS = Known(
    400, "invalid", "Some fields need another value: see details.", {"name_of_a_field": ["This field is required."]}
)
SYNTAX = Known(400, "parse_error", "JSON parse error - Expecting value: line 1 column 1 (char 0)")
ENDED = Known(400, "session_ended", "Your session was ended meanwhile: log in and try again.")
NOBODY = Known(401, "not_authenticated", "Authentication credentials were not provided.")
STRANGER = Known(401, "authentication_failed", "This session has ended, or never was one of this application: log in.")
FORBIDDEN = Known(403, "permission_denied", "You do not have permission to perform this action.")
HALF = Known(
    403,
    "second_factor_required",
    "Give a code of your second factor first: POST it to /api/v1/auth/second-factor.",
)
MISSING = Known(404, "not_found", "There is no such thing here, or it is not yours to see.")
FORMAT = Known(406, "not_acceptable", "Could not satisfy the request Accept header.")
MEDIA_TYPE = Known(415, "unsupported_media_type", 'Unsupported media type "text/plain" in request.')
THROTTLED = Known(429, "throttled", "Too many attempts: try again in 20 seconds.", {"retry_after": 20})
DOWN = Known(503, "unavailable", UNAVAILABLE)


def declared(refusal: type[Refused] | type[APIException]) -> Iterator[Known]:
    """What a class of errors says that it can be."""
    if issubclass(refusal, APIException):
        yield Known(refusal.status_code, refusal.default_code, str(refusal.default_detail))
    else:
        for status, codes in refusal.codes.items():
            for code, message in codes.items():
                yield Known(status, code, message)


def by_status(errors: Iterable[Known]) -> dict[int, dict[str, Any]]:
    """The examples by status and code."""
    found: dict[int, dict[str, Any]] = {}
    for error in errors:
        found.setdefault(error.status, {}).setdefault(error.code, {"value": error.example})
    return dict(sorted(found.items()))
