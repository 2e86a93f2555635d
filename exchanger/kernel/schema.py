"""The OpenAPI description that every view shares: the error shape, on every status that it can come with."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

ERRORS = {
    "400": "The request is not valid.",
    "401": "No session, or one that has ended: log in.",
    "403": "The session's person may not do this in this context.",
    "404": "There is no such thing, or it is not yours to see.",
    "503": "A database is not reachable: try again after Retry-After seconds.",
}


class ErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Machine-readable name of what went wrong.")
    message = serializers.CharField(help_text="What went wrong and what to do about it.")
    details = serializers.DictField(help_text="Per field, or whatever the code promises.")


# For the views that are guarded: not every view is.
TOO_MANY = OpenApiResponse(ErrorSerializer, description="Too many attempts: try again after Retry-After seconds.")


class Schema(AutoSchema):
    """Adds the error responses to what drf-spectacular finds."""

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        responses = super()._get_response_bodies(direction)
        for status_code, description in ERRORS.items():
            if status_code not in responses:
                responses[status_code] = self._get_response_for_code(  # type: ignore[no-untyped-call]
                    OpenApiResponse(ErrorSerializer, description=description), status_code
                )
        return responses
