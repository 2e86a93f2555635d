from rest_framework.routers import SimpleRouter

from admin_panel.api import views

router = SimpleRouter()
router.register("audit-logs", views.AuditLogViewSet, basename="audit-log")
router.register("reports", views.ReportViewSet, basename="report")
router.register("metrics", views.SystemMetricViewSet, basename="metric")
router.register("settings", views.AdminSettingViewSet, basename="setting")
router.register("configurations", views.ConfigurationViewSet, basename="configuration")

urlpatterns = router.urls
