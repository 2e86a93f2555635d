"""What every context serves: probes, the API's description, and its page."""

from django.urls import URLPattern, URLResolver, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny

from exchanger.kernel.health import healthz, readyz

OPEN = {"permission_classes": [AllowAny], "authentication_classes": []}

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("api/schema/", SpectacularAPIView.as_view(**OPEN), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema", **OPEN), name="docs"),
]
to_docs = path("", RedirectView.as_view(pattern_name="docs"))

handler400 = "exchanger.kernel.errors.bad_request"
handler403 = "exchanger.kernel.errors.permission_denied"
handler404 = "exchanger.kernel.errors.not_found"
handler500 = "exchanger.kernel.errors.server_error"
