"""Reports: what the panel's pages do with them, for programs."""

from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from admin_panel.adapter import AdminAdapter
from admin_panel.api.filters import ReportFilter
from admin_panel.api.permissions import MaySee
from admin_panel.api.serializers import ReportSerializer
from admin_panel.models import Report, ReportStatus
from admin_panel.reports.answers import file_answer
from admin_panel.reports.files import CONTENT_TYPES
from admin_panel.reports.kinds import KINDS, WrongParameters
from admin_panel.services.actors import actor_of
from admin_panel.services.reports import ReportRefused, report_download, report_request, report_retry
from exchanger.kernel.fields import TextField, TruthField
from exchanger.kernel.schema import refuses

_PARAMETERS = "; ".join(f"{kind.name}: {', '.join(kind.form.base_fields)}" for kind in KINDS.values())
_EXAMPLE = {
    "type": "turnover",
    "parameters": {"since": "2026-03-01", "until": "2026-03-31", "format": "csv", "by": "day"},
}
_FILES = {
    (200, content_type.partition(";")[0]): OpenApiResponse(
        OpenApiTypes.STR if kind == "csv" else OpenApiTypes.BINARY,
        description="The file.",
        examples=[OpenApiExample(kind, "Day,Pair\r\n2026-03-02,USD/UAH\r\n" if kind == "csv" else "PK…")],
    )
    for kind, content_type in CONTENT_TYPES.items()
}


class ReportRequestSerializer(serializers.Serializer[Any]):
    type = serializers.ChoiceField(choices=sorted(KINDS))
    parameters = serializers.DictField(
        child=TextField(max_length=100, allow_blank=True),
        help_text=f"Days as 2026-03-01, in UTC, both included; by type: {_PARAMETERS}. Format is csv or xlsx.",
    )
    anew = TruthField(default=False, help_text="Make it even if the same was made of the same data within the hour.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        known = KINDS[attrs["type"]].form.base_fields
        if strange := sorted(set(attrs["parameters"]) - set(known)):
            problems = {name: ["There is no such parameter."] for name in strange}
            raise serializers.ValidationError({"parameters": problems})
        return attrs


class FileNegotiation(DefaultContentNegotiation):
    """The file is what it is, whatever Accept asks for; an error is JSON."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class ReportViewSet(ReadOnlyModelViewSet[Report]):
    """Reports that were asked for, newest first."""

    permission_classes = [MaySee]
    serializer_class = ReportSerializer
    filterset_class = ReportFilter
    ordering = ("-generated_at", "-id")

    def get_queryset(self) -> QuerySet[Report]:
        return AdminAdapter().find_reports()

    @extend_schema(
        request=ReportRequestSerializer,
        responses={
            201: OpenApiResponse(ReportSerializer, description="It is being made: look at it again."),
            200: OpenApiResponse(ReportSerializer, description="The same was made within the hour: this is it."),
        },
        examples=[OpenApiExample("turnover", _EXAMPLE, request_only=True)],
    )
    @refuses(WrongParameters)
    def create(self, request: Request) -> Response:
        """Have a report made in the background, or get the one that was made of the same data within the hour.

        It takes `admin_panel.add_report` beside `admin_panel.view_report`, and the permission to see the rows that the
        report shows.
        """
        form = ReportRequestSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        asked = form.validated_data
        report = report_request(
            actor=actor_of(request), kind=KINDS[asked["type"]], parameters=asked["parameters"], anew=asked["anew"]
        )
        made = report.status == ReportStatus.DONE
        return Response(ReportSerializer(report).data, status.HTTP_200_OK if made else status.HTTP_201_CREATED)

    @extend_schema(request=None, responses={200: ReportSerializer})
    @refuses(ReportRefused, codes=("report_not_failed", "report_unknown"))
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """Have a failed report made after all. It takes the permissions that asking for it does."""
        return Response(ReportSerializer(report_retry(actor=actor_of(request), report=self.get_object())).data)

    @extend_schema(request=None, responses=_FILES)
    @refuses(ReportRefused, codes=("report_not_there", "report_unknown"))
    @action(detail=True, methods=["post"], content_negotiation_class=FileNegotiation)
    def download(self, request: Request, pk: str) -> FileResponse:
        """The report's file. It is a POST, since the audit trail tells of every download.

        It takes `admin_panel.view_report`, and the permission to see the rows that the report shows.
        """
        report = self.get_object()
        return file_answer(report, report_download(actor=actor_of(request), report=report))
