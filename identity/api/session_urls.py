"""What every application serves to whoever has a session of it."""

from django.urls import path, re_path

from identity.api.sessions import EndOtherSessionsView, OwnSessionsView, OwnSessionView
from identity.api.views import LogoutView, MeView

urlpatterns = [
    path("logout", LogoutView.as_view(), name="logout"),
    path("me", MeView.as_view(), name="me"),
    path("sessions", OwnSessionsView.as_view(), name="sessions"),
    path("sessions/end-others", EndOtherSessionsView.as_view(), name="end-other-sessions"),
    re_path(r"^sessions/(?P<session_id>[0-9a-f]{64})$", OwnSessionView.as_view(), name="session"),
]
