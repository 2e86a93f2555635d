"""The OpenAPI description of every view: what views do not say themselves is worked out here, for all of them alike.

An operation's errors follow from what it is (a body, parameters, a session, a permission) and from the refusals that
its handler names with ``refuses``. Its summary is the first sentence of its docstring.
"""

from collections.abc import Callable, Collection, Iterator
from typing import Any, TypeVar

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.permissions import SAFE_METHODS, AllowAny, IsAuthenticated

from exchanger.kernel.contexts import Context, current_or_none
from exchanger.kernel.openapi import errors
from exchanger.kernel.openapi.errors import Known
from exchanger.kernel.refusals import Refused

# What Python's str.strip leaves nothing of is blank, and a NUL is refused everywhere: PostgreSQL's text has none.
_SPACE = r"\s\x1c-\x1f\x85"
TEXT = r"^[^\x00]*$"
VALUE = r"^[^\x00]+$"
NOT_BLANK = rf"^[^\x00]*[^\x00{_SPACE}][^\x00]*$"

Handler = TypeVar("Handler", bound=Callable[..., Any])


def refuses(
    *refusals: type[Refused] | type[APIException], codes: Collection[str] | None = None
) -> Callable[[Handler], Handler]:
    """Name the errors of its own that a view's handler answers with: ``@refuses(QuoteRefused, NotConfigured)``.

    ``codes`` are those that this handler can meet, where they are not all. It may be used more than once.

    Raises:
        ValueError: a code is none of theirs.
    """
    found = [known for refusal in refusals for known in errors.declared(refusal)]
    if codes is not None:
        if strange := set(codes) - {known.code for known in found}:
            raise ValueError(f"{sorted(strange)} are no codes of {[refusal.__name__ for refusal in refusals]}")
        found = [known for known in found if known.code in codes]

    def name(handler: Handler) -> Handler:
        handler.errors = (*getattr(handler, "errors", ()), *found)  # type: ignore[attr-defined]
        return handler

    return name


class ErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Machine-readable name of what went wrong.")
    message = serializers.CharField(help_text="What went wrong and what to do about it.")
    details = serializers.DictField(help_text="Per field, or whatever the code promises.")


class Schema(AutoSchema):
    """What drf-spectacular finds, with a summary, patterns for text, and all errors."""

    def get_summary(self) -> str:
        own = getattr(self._handler(), "__doc__", None)
        if not own and getattr(self.view, "action", "") == "retrieve":
            meta = getattr(self.get_response_serializers(), "Meta", None)
            if meta is not None:
                return f"One {meta.model._meta.verbose_name}"
        paragraph = " ".join((self.get_description() or "").split("\n\n")[0].split())
        return paragraph.partition(". ")[0].removesuffix(".")

    def _handler(self) -> Any:
        return getattr(self.view, getattr(self.view, "action", None) or self.method.lower(), None)

    def _get_parameters(self) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = super()._get_parameters()
        for parameter in parameters:
            schema = parameter["schema"]
            plain = schema.get("type") == "string" and not {"format", "pattern", "enum"} & schema.keys()
            if parameter["in"] == "query" and plain:
                schema["pattern"] = VALUE
        return parameters

    def _map_serializer_field(self, field: Any, direction: Any, bypass_extensions: bool = False) -> Any:
        schema = super()._map_serializer_field(  # type: ignore[no-untyped-call]
            field, direction, bypass_extensions
        )
        plain = type(schema) is dict and schema.get("type") == "string" and not {"format", "pattern"} & schema.keys()
        if direction == "request" and plain and isinstance(field, serializers.CharField):
            schema["pattern"] = NOT_BLANK if field.trim_whitespace and not field.allow_blank else TEXT
        return schema

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        responses = super()._get_response_bodies(direction)
        if getattr(self.view, "cache_seconds", None) and self.method == "GET":
            responses["200"]["headers"] = {
                "ETag": _header("string", "What this answer is known by: send it as If-None-Match."),
                "Cache-Control": _header("string", "How long this answer may be used again."),
            }
            responses["304"] = {"description": "The answer is the one that If-None-Match names."}
        for status, examples in errors.by_status(self._errors()).items():
            described = OpenApiResponse(ErrorSerializer, description=errors.DESCRIPTIONS[status])
            response = self._get_response_for_code(  # type: ignore[no-untyped-call]
                described, str(status), ["application/json"]
            )
            response["content"]["application/json"]["examples"] = examples
            if status in errors.WAITING:
                response["headers"] = {"Retry-After": _header("integer", "Seconds to wait before the next try.")}
            responses[str(status)] = response
        return responses

    def _errors(self) -> Iterator[Known]:
        """The most usual of a status first."""
        has_body = self.method in ("POST", "PUT", "PATCH") and self.get_request_serializer() is not None
        if has_body or any(parameter["in"] in ("query", "header") for parameter in self._get_parameters()):
            yield errors.FIELDS
        yield from getattr(self._handler(), "errors", ())
        if has_body:
            yield from (errors.SYNTAX, errors.MEDIA_TYPE)
        yield from (errors.HOST, errors.FORMAT, errors.THROTTLED, errors.DOWN)
        if self.view.get_authenticators():
            yield from self._errors_of_sessions()
        paginator = self._get_paginator()  # type: ignore[no-untyped-call]
        if "{" in self.path or (self._is_list_view() and paginator is not None):
            yield errors.MISSING

    def _errors_of_sessions(self) -> Iterator[Known]:
        permissions = {type(permission) for permission in self.view.get_permissions()}
        if AllowAny not in permissions:
            yield errors.NOBODY
            if current_or_none() is Context.ADMIN:
                yield errors.HALF
        yield errors.STRANGER
        writes = self.method not in SAFE_METHODS
        if writes:
            yield errors.ENDED
        if writes or not permissions <= {AllowAny, IsAuthenticated}:  # by cookie, the CSRF token may be missing
            yield errors.FORBIDDEN


def _header(kind: str, description: str) -> dict[str, Any]:
    return {"schema": {"type": kind}, "description": description}
