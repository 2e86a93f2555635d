from django.urls import path, register_converter
from django.urls.converters import StringConverter
from rest_framework.routers import SimpleRouter

from admin_panel.api import views
from admin_panel.api.sessions import UserSessionsView, UserSessionView


class SessionIdConverter(StringConverter):
    """The SHA-256 that the stores know a session by, in hex."""

    regex = "[0-9a-f]{64}"


register_converter(SessionIdConverter, "session_id")

router = SimpleRouter()
router.register("audit-logs", views.AuditLogViewSet, basename="audit-log")
router.register("reports", views.ReportViewSet, basename="report")
router.register("metrics", views.SystemMetricViewSet, basename="metric")
router.register("settings", views.AdminSettingViewSet, basename="setting")
router.register("configurations", views.ConfigurationViewSet, basename="configuration")

urlpatterns = [
    *router.urls,
    path("users/<uuid:user_id>/sessions/", UserSessionsView.as_view(), name="user-sessions"),
    path("users/<uuid:user_id>/sessions/<session_id:session_id>/", UserSessionView.as_view(), name="user-session"),
]
