"""The telegram application opens sessions through the bot, never with a password."""

from identity.api.session_urls import urlpatterns

__all__ = ["urlpatterns"]
