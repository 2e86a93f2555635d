from django.urls import path, register_converter
from django.urls.converters import StringConverter
from rest_framework.routers import SimpleRouter

from admin_panel.api import views
from admin_panel.api.configurations import ConfigurationViewSet
from admin_panel.api.reports import ReportViewSet
from admin_panel.api.sessions import UserSessionsView, UserSessionView
from admin_panel.api.settings import SettingResetView, SettingsView, SettingView


class SessionIdConverter(StringConverter):
    """The SHA-256 that the stores know a session by, in hex."""

    regex = "[0-9a-f]{64}"


register_converter(SessionIdConverter, "session_id")

router = SimpleRouter()
router.register("audit-logs", views.AuditLogViewSet, basename="audit-log")
router.register("reports", ReportViewSet, basename="report")
router.register("metrics", views.SystemMetricViewSet, basename="metric")
router.register("configurations", ConfigurationViewSet, basename="configuration")

urlpatterns = [
    *router.urls,
    path("settings/", SettingsView.as_view(), name="settings"),
    path("settings/<str:key>/", SettingView.as_view(), name="setting"),
    path("settings/<str:key>/reset/", SettingResetView.as_view(), name="setting-reset"),
    path("users/<uuid:user_id>/sessions/", UserSessionsView.as_view(), name="user-sessions"),
    path("users/<uuid:user_id>/sessions/<session_id:session_id>/", UserSessionView.as_view(), name="user-session"),
]
