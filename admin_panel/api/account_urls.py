"""Operators' accounts are made by operators; here they log in, change their password and end their sessions."""

from django.urls import path, re_path

from admin_panel.api.account import OperatorOtherSessionsView, OperatorPasswordView, OperatorSessionView
from admin_panel.api.second_factor import SecondFactorView
from identity.api.sessions import OwnSessionsView
from identity.api.views import LoginView, LogoutView, MeView

urlpatterns = [
    path("login", LoginView.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("second-factor", SecondFactorView.as_view(), name="second-factor"),
    path("me", MeView.as_view(), name="me"),
    path("password/change", OperatorPasswordView.as_view(), name="change-password"),
    path("sessions", OwnSessionsView.as_view(), name="sessions"),
    path("sessions/end-others", OperatorOtherSessionsView.as_view(), name="end-other-sessions"),
    re_path(r"^sessions/(?P<session_id>[0-9a-f]{64})$", OperatorSessionView.as_view(), name="session"),
]
