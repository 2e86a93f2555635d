"""Clients' accounts, whole: the web application's."""

from django.urls import path

from identity.api import session_urls
from identity.api.accounts import ProfileView, RegisterView, ResendVerificationView, VerifyEmailView
from identity.api.passwords import ChangePasswordView, RequestPasswordResetView, ResetPasswordView
from identity.api.telegram_links import TelegramLinkCodeView, TelegramLinkView
from identity.api.views import LoginView

urlpatterns = [
    path("register", RegisterView.as_view(), name="register"),
    path("email/verify", VerifyEmailView.as_view(), name="verify-email"),
    path("email/resend", ResendVerificationView.as_view(), name="resend-verification"),
    path("password/reset", RequestPasswordResetView.as_view(), name="request-password-reset"),
    path("password/reset/confirm", ResetPasswordView.as_view(), name="reset-password"),
    path("profile", ProfileView.as_view(), name="profile"),
    path("login", LoginView.as_view(), name="login"),
    path("password/change", ChangePasswordView.as_view(), name="change-password"),
    path("telegram", TelegramLinkView.as_view(), name="telegram"),
    path("telegram/link-code", TelegramLinkCodeView.as_view(), name="telegram-link-code"),
    *session_urls.urlpatterns,
]
