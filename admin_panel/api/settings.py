"""Settings: what is declared and what is in force, to see, to set and to set back."""

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from admin_panel.api.permissions import MaySee
from admin_panel.api.serializers import ReasonSerializer
from admin_panel.models import AdminSetting
from admin_panel.services.actors import actor_of
from admin_panel.services.settings import SettingRefused, operator_setting_reset, operator_setting_set
from admin_panel.setting_states import SettingState, setting_state, setting_states
from exchanger.kernel.fields import TextField
from exchanger.kernel.schema import refuses

_VERSION = "What this state is known by: who changes it says which one they have seen."


@extend_schema_field({"oneOf": [{"type": "integer"}, {"type": "boolean"}], "nullable": True, "example": 90})
class ValueField(serializers.JSONField):
    """What the setting's declaration says."""


class SettingSerializer(serializers.Serializer[SettingState]):
    """A setting that is declared; or one that only stands in the table, which nothing reads: its type is null."""

    key = serializers.CharField()
    type = serializers.CharField(source="setting.kind", default=None, allow_null=True, help_text="integer or boolean.")
    unit = serializers.CharField(source="setting.unit", default="")
    about = serializers.CharField(source="setting.about", default="")
    least = serializers.IntegerField(source="setting.least", default=None, allow_null=True)
    most = serializers.IntegerField(source="setting.most", default=None, allow_null=True)
    default = ValueField(source="setting.default", default=None)
    value = ValueField(help_text="What is in force.")
    is_default = serializers.BooleanField(help_text="Whether nobody has set it.")
    problem = serializers.CharField(help_text="Why what the table holds is not in force; empty where it is.")
    version = serializers.CharField(source="token", help_text=_VERSION)
    updated_by = serializers.UUIDField(allow_null=True)
    updated_at = serializers.DateTimeField(allow_null=True)


class SettingsSerializer(serializers.Serializer[Any]):
    results = SettingSerializer(many=True)


class BasedOnSerializer(ReasonSerializer):
    based_on = TextField(max_length=64, help_text="The version that was seen.")


class SettingChangeSerializer(BasedOnSerializer):
    value = ValueField()


class SettingsView(APIView):
    """All settings, by key."""

    permission_classes = [MaySee]
    queryset = AdminSetting.objects.none()

    @extend_schema(responses={200: SettingsSerializer}, operation_id="settings_list")
    def get(self, request: Request) -> Response:
        return Response(SettingsSerializer({"results": setting_states()}).data)


class SettingView(APIView):
    """One setting."""

    permission_classes = [MaySee]
    queryset = AdminSetting.objects.none()

    @extend_schema(responses={200: SettingSerializer}, operation_id="settings_retrieve")
    def get(self, request: Request, key: str) -> Response:
        return Response(SettingSerializer(_found(key)).data)

    @extend_schema(request=SettingChangeSerializer, responses={200: SettingSerializer}, operation_id="settings_update")
    @refuses(SettingRefused)
    def put(self, request: Request, key: str) -> Response:
        """Set it; every process obeys it within five seconds. What nothing reads cannot be set: 404.

        It takes `admin_panel.change_adminsetting` beside `admin_panel.view_adminsetting`.
        """
        form = SettingChangeSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        if _found(key).setting is None:
            raise Http404
        operator_setting_set(actor=actor_of(request), key=key, **form.validated_data)
        return Response(SettingSerializer(_found(key)).data)


class SettingResetView(APIView):
    """A setting at its default."""

    permission_classes = [MaySee]
    queryset = AdminSetting.objects.none()

    @extend_schema(
        request=BasedOnSerializer,
        responses={200: SettingSerializer, 204: None},
        operation_id="settings_reset",
    )
    @refuses(SettingRefused, codes=("setting_changed",))
    def post(self, request: Request, key: str) -> Response:
        """Set it back to its default. One that nothing reads is gone then: 204.

        It takes `admin_panel.change_adminsetting` beside `admin_panel.view_adminsetting`.
        """
        form = BasedOnSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        _found(key)
        operator_setting_reset(actor=actor_of(request), key=key, **form.validated_data)
        state = setting_state(key)
        if state is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        return Response(SettingSerializer(state).data)


def _found(key: str) -> SettingState:
    state = setting_state(key)
    if state is None:
        raise Http404
    return state
