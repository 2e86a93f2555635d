"""The telegram application opens sessions on Telegram's word, never with a password."""

from django.urls import path

from identity.api.session_urls import urlpatterns as of_sessions
from identity.api.telegram import TelegramLoginView

urlpatterns = [path("login", TelegramLoginView.as_view(), name="login"), *of_sessions]
