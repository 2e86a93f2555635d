"""Operators' accounts are made by operators; here they log in, change their password and end their sessions."""

from django.urls import path

from identity.api import session_urls
from identity.api.passwords import ChangePasswordView
from identity.api.views import LoginView

urlpatterns = [
    path("login", LoginView.as_view(), name="login"),
    path("password/change", ChangePasswordView.as_view(), name="change-password"),
    *session_urls.urlpatterns,
]
