"""Versions of each application's configuration: to see, to write, and to put into force."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from admin_panel.adapter import AdminAdapter
from admin_panel.api.filters import ConfigurationFilter
from admin_panel.api.permissions import MaySee
from admin_panel.api.serializers import ConfigurationSerializer, ReasonSerializer
from admin_panel.configuration_targets import TARGETS
from admin_panel.models import Configuration
from admin_panel.second_factor import FreshCodeRequired, require_fresh
from admin_panel.services.actors import actor_of
from admin_panel.services.configurations import (
    ConfigurationRefused,
    operator_configuration_publish,
    operator_configuration_write,
)
from admin_panel.services.permissions import REASON_LENGTH
from exchanger.kernel.contexts import Context
from exchanger.kernel.documents import InvalidDocument
from exchanger.kernel.fields import TextField
from exchanger.kernel.schema import refuses


class VersionSerializer(serializers.Serializer[Any]):
    application_context = serializers.ChoiceField(choices=[context.value for context in TARGETS])
    document = serializers.DictField(help_text="As those in the list have it; a key that is not known is refused.")
    comment = TextField(max_length=REASON_LENGTH, help_text="What changes, and why.")
    based_on = serializers.IntegerField(
        min_value=0, max_value=2**31 - 2, help_text="The newest version that was seen; 0 where there is none."
    )


class InForceSerializer(serializers.Serializer[Any]):
    application_context = serializers.ChoiceField(choices=[context.value for context in TARGETS])
    version = serializers.IntegerField()
    document = serializers.DictField()
    published_at = serializers.DateTimeField()


class InForceListSerializer(serializers.Serializer[Any]):
    results = InForceSerializer(many=True)


class ConfigurationViewSet(ReadOnlyModelViewSet[Configuration]):
    """Every version of each application's configuration document, newest first."""

    permission_classes = [MaySee]
    serializer_class = ConfigurationSerializer
    filterset_class = ConfigurationFilter
    ordering = ("-created_at", "-id")

    def get_queryset(self) -> QuerySet[Configuration]:
        return AdminAdapter().find_configurations()

    @extend_schema(request=VersionSerializer, responses={201: ConfigurationSerializer})
    @refuses(ConfigurationRefused)
    def create(self, request: Request) -> Response:
        """Write a version, which is not in force until it is published.

        It takes `admin_panel.add_configuration` beside `admin_panel.view_configuration`.
        """
        form = VersionSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        asked = form.validated_data
        with _document_judged():
            written = operator_configuration_write(
                actor=actor_of(request),
                context=Context(asked["application_context"]),
                document=asked["document"],
                comment=asked["comment"],
                based_on=asked["based_on"],
            )
        return Response(ConfigurationSerializer(written).data, status.HTTP_201_CREATED)

    @extend_schema(request=ReasonSerializer, responses={200: ConfigurationSerializer})
    @refuses(FreshCodeRequired)
    @action(detail=True, methods=["post"])
    def publish(self, request: Request, pk: str) -> Response:
        """Put a version into force, be it the newest or an older one; every process obeys it within five seconds.

        It takes `admin_panel.change_configuration` beside `admin_panel.view_configuration`, and a code of the second
        factor that was given in the last minutes.
        """
        form = ReasonSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        version = self.get_object()
        require_fresh(request._request.session)
        with _document_judged():
            published = operator_configuration_publish(
                actor=actor_of(request), configuration_id=version.pk, reason=form.validated_data["reason"]
            )
        return Response(ConfigurationSerializer(published).data)

    @extend_schema(responses={200: InForceListSerializer}, filters=False)
    @action(detail=False, url_path="in-force", pagination_class=None)
    def in_force(self, request: Request) -> Response:
        """What each application obeys now, as its own database has it; nothing of one that has none."""
        rows = ((context, target.in_force()) for context, target in TARGETS.items())
        found = [
            {
                "application_context": context.value,
                "version": row.version,
                "document": row.document,
                "published_at": row.published_at,
            }
            for context, row in rows
            if row is not None
        ]
        return Response(InForceListSerializer({"results": found}).data)


@contextmanager
def _document_judged() -> Iterator[None]:
    """What is wrong with the document, per key, is what is wrong with the request."""
    try:
        yield
    except InvalidDocument as error:
        raise serializers.ValidationError({"document": error.problems}) from error
