"""The operators' first page: what waits, what was turned over, how fresh the rates are."""

import logging
from datetime import UTC, datetime
from typing import Any

from django.db import DatabaseError
from django.http import HttpRequest
from django.utils import timezone

from admin_panel.cache import AdminCache
from admin_panel.figures import DAYS, PERIODS
from admin_panel.panel import blocks

logger = logging.getLogger(__name__)

# The permissions that a figure takes: whoever may not read the rows does not get their sums either.
PERMISSIONS = {
    "queue": ["web.view_order"],
    "turnover_today": ["web.view_order"],
    "completion": ["web.view_order"],
    "conversion": ["web.view_quote", "web.view_order"],
    "latest_rates": ["web.view_exchangerate"],
    "live_sessions": ["identity.view_user"],
    "deliveries": ["web.view_eventdelivery"],
    "redis_hits": ["admin_panel.view_systemmetric"],
    "orders_by_status": ["web.view_order"],
    "daily_turnover": ["web.view_order"],
    "system_health": ["admin_panel.view_systemmetric"],
}


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What ``admin/index.html`` shows: the figures that the operator may see, and those that could be read."""
    cache = AdminCache()
    days = _days(request)
    allowed = [name for name, needed in PERMISSIONS.items() if request.user.has_perms(needed)]
    figures = {name: figure for name in allowed if (figure := _read(cache, name, days)) is not None}
    look = blocks.Look(timezone.now().astimezone(UTC), days)
    return {
        **context,
        "days": days,
        "periods": PERIODS,
        "by_status": f"Orders by status, last {days} days",
        "blocks": {name: getattr(blocks, name)(figure["value"], look) for name, figure in figures.items()},
        "as_of": min((datetime.fromisoformat(figure["asOf"]) for figure in figures.values()), default=None),
        "unreadable": [name.replace("_", " ") for name in allowed if name not in figures],
    }


def _days(request: HttpRequest) -> int:
    """How many days the charts are to show: ``?days=`` where it is one of PERIODS."""
    asked = request.GET.get("days", "")
    return int(asked) if asked in {str(days) for days in PERIODS} else DAYS


def _read(cache: AdminCache, name: str, days: int) -> dict[str, Any] | None:
    try:
        return cache.get_figure(name, days)
    except DatabaseError:
        logger.exception("The dashboard's figure '%s' could not be read", name)
        return None
