"""The operators' first page: what waits, what was turned over, how fresh the rates are."""

import logging
from datetime import UTC, datetime
from typing import Any

from django.db import DatabaseError
from django.http import HttpRequest
from django.utils import timezone

from admin_panel.cache import AdminCache
from admin_panel.panel import blocks

logger = logging.getLogger(__name__)

# The permission that a figure takes: whoever may not read the rows does not get their sums either.
PERMISSIONS = {
    "queue": "web.view_order",
    "turnover_today": "web.view_order",
    "orders_by_status": "web.view_order",
    "daily_turnover": "web.view_order",
    "latest_rates": "web.view_exchangerate",
    "live_sessions": "identity.view_user",
}


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What ``admin/index.html`` shows: the figures that the operator may see, and those that could be read."""
    cache = AdminCache()
    allowed = [name for name, permission in PERMISSIONS.items() if request.user.has_perm(permission)]
    figures = {name: figure for name in allowed if (figure := _read(cache, name)) is not None}
    now = timezone.now().astimezone(UTC)
    return {
        **context,
        "blocks": {name: getattr(blocks, name)(figure["value"], now) for name, figure in figures.items()},
        "as_of": min((datetime.fromisoformat(figure["asOf"]) for figure in figures.values()), default=None),
        "unreadable": [name.replace("_", " ") for name in allowed if name not in figures],
    }


def _read(cache: AdminCache, name: str) -> dict[str, Any] | None:
    try:
        return cache.get_figure(name)
    except DatabaseError:
        logger.exception("The dashboard's figure '%s' could not be read", name)
        return None
