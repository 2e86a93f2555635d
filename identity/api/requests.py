"""Who is behind a request that IsAuthenticated has let pass."""

from uuid import UUID

from rest_framework.request import Request

from identity.session_values import stored_id


def person_id(request: Request) -> UUID:
    user_id = request.user.pk
    assert user_id is not None
    return user_id


def own_session_id(request: Request) -> str:
    """The id of the row of the session that the request was made with."""
    key = request._request.session.session_key
    assert key is not None
    return stored_id(key)
