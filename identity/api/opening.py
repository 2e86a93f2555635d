"""What every login ends with: a session, and the answer that tells of it."""

from django.contrib.auth import login
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.base import SessionBase
from django.middleware.csrf import get_token
from rest_framework.request import Request
from rest_framework.response import Response

from exchanger.kernel.contexts import current
from exchanger.kernel.origin import origin_of
from identity.api.serializers import SessionSerializer
from identity.middleware import bearer_key
from identity.models import User
from identity.services.sessions import session_open

BEARER = "bearer"


def answer_with_session(request: Request, user: User, *, transport: str) -> Response:
    """Open a session of ``user`` and describe it: by cookie with a CSRF token, or by a bearer key in the body.

    A request that came with a bearer key is answered with one: it has no part in cookies.
    """
    session: SessionBase
    if transport == BEARER or bearer_key(request._request) is not None:
        session = session_open(user=user, origin=origin_of(request._request))
        key = session.session_key
        user_logged_in.send(type(user), request=request._request, user=user)
    else:
        login(request._request, user)
        get_token(request._request)
        session, key = request._request.session, None
    answer = SessionSerializer(
        {
            "application_context": current(),
            "expires_at": session.get_expiry_date(),
            "session_key": key,
            "user": user,
        }
    )
    return Response(answer.data)
