"""Every page of the panel: importing a module of it registers its ModelAdmins."""

from admin_panel.panel import bot, clients, exchange, system

__all__ = ["bot", "clients", "exchange", "system"]
