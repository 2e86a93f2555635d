"""Every page of the panel: importing a module of it registers its ModelAdmins."""

from admin_panel.panel import bot, clients, configurations, exchange, rates, reports, settings, system

__all__ = ["bot", "clients", "configurations", "exchange", "rates", "reports", "settings", "system"]
