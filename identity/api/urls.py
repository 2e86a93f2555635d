"""Clients' accounts, whole: the web application's."""

from django.urls import path

from identity.api import admin_urls
from identity.api.accounts import ProfileView, RegisterView, ResendVerificationView, VerifyEmailView
from identity.api.passwords import RequestPasswordResetView, ResetPasswordView

urlpatterns = [
    path("register", RegisterView.as_view(), name="register"),
    path("email/verify", VerifyEmailView.as_view(), name="verify-email"),
    path("email/resend", ResendVerificationView.as_view(), name="resend-verification"),
    path("password/reset", RequestPasswordResetView.as_view(), name="request-password-reset"),
    path("password/reset/confirm", ResetPasswordView.as_view(), name="reset-password"),
    path("profile", ProfileView.as_view(), name="profile"),
    *admin_urls.urlpatterns,
]
