from django.urls import include, path

from bot.api import webhook
from bot.api.events import receive_event
from exchanger.kernel import events
from exchanger.kernel.metrics.views import metrics_view
from exchanger.urls import common
from exchanger.urls.common import handler400, handler403, handler404, handler500  # noqa: F401

urlpatterns = [
    *common.urlpatterns,
    path("metrics", metrics_view(), name="metrics"),
    common.to_docs,
    path(events.PATH.removeprefix("/"), receive_event),
    path(webhook.PATH, webhook.receive_update),
    path("api/v1/auth/", include("identity.api.telegram_urls")),
    path("api/v1/", include("bot.api.urls")),
]
