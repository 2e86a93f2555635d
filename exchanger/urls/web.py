from django.urls import include, path

from exchanger.kernel.metrics.views import metrics_view
from exchanger.urls import common
from exchanger.urls.common import handler400, handler403, handler404, handler500  # noqa: F401

urlpatterns = [
    *common.urlpatterns,
    path("metrics", metrics_view(), name="metrics"),
    common.to_docs,
    path("api/v1/auth/", include("identity.api.urls")),
    path("api/v1/", include("web.api.urls")),
    path("account/", include("identity.pages.urls")),
]
