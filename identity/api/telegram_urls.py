"""The telegram application opens sessions on Telegram's word, never with a password."""

from django.urls import path

from identity.api.telegram import TelegramLoginView
from identity.api.views import LogoutView, MeView

urlpatterns = [
    path("login", TelegramLoginView.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("me", MeView.as_view(), name="me"),
]
