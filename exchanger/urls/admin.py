from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from admin_panel.metrics.exposition import LatestSystemMetrics
from exchanger.kernel.metrics.views import metrics_view
from exchanger.urls import common
from exchanger.urls.common import handler400, handler403, handler404, handler500  # noqa: F401

urlpatterns = [
    *common.urlpatterns,
    path("metrics", metrics_view(LatestSystemMetrics()), name="metrics"),
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("api/v1/auth/", include("admin_panel.api.account_urls")),
    path("api/v1/", include("admin_panel.api.urls")),
]
