"""Every page of the panel: importing a module of it registers its ModelAdmins."""

from admin_panel.panel import (
    bot,
    broadcasts,
    clients,
    configurations,
    exchange,
    given_up,
    notifications,
    rates,
    reports,
    settings,
    system,
)

__all__ = [
    "bot",
    "broadcasts",
    "clients",
    "configurations",
    "exchange",
    "given_up",
    "notifications",
    "rates",
    "reports",
    "settings",
    "system",
]
