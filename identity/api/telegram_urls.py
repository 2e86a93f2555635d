"""The telegram application opens sessions through the bot, never with a password."""

from django.urls import path

from identity.api.views import LogoutView, MeView

urlpatterns = [
    path("logout", LogoutView.as_view(), name="logout"),
    path("me", MeView.as_view(), name="me"),
]
