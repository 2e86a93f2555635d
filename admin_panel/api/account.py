"""An operator's own account: what they change there is in the audit trail like everything else."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from admin_panel.resources import Resource, resource_type
from admin_panel.services.actors import actor_of
from admin_panel.services.audit import audited
from exchanger.kernel.schema import refuses
from identity.api.passwords import ChangePasswordView
from identity.api.requests import own_session_id
from identity.api.sessions import EndOtherSessionsView, OwnSessionView
from identity.api.views import EndUnconfirmed
from identity.models import User

Handler = Callable[..., Response]


def announced(action: str, handler: Handler) -> Handler:
    """``handler`` of a view, with its intent before it; the operator is both the actor and the resource.

    An end that Redis could not be told of is done, whatever the answer is.
    """

    @wraps(handler)
    def answer(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        actor = actor_of(request)
        account = Resource(resource_type(User), str(actor.admin_id))
        with audited(actor, action=action, resource=account, new=kwargs or None) as attempt:
            try:
                return handler(view, request, *args, **kwargs)
            except EndUnconfirmed as error:
                unconfirmed = error
                attempt.note(unconfirmed=str(error))
        raise unconfirmed

    return answer


class OperatorPasswordView(ChangePasswordView):
    __doc__ = ChangePasswordView.__doc__
    post = announced("user.password.change", ChangePasswordView.post)


class OperatorOtherSessionsView(EndOtherSessionsView):
    __doc__ = EndOtherSessionsView.__doc__
    post = announced("user.session.end_others", EndOtherSessionsView.post)


class OperatorSessionView(OwnSessionView):
    __doc__ = OwnSessionView.__doc__
    _announced = announced("user.session.end", OwnSessionView.delete)

    @extend_schema(responses={204: None}, operation_id="end_session")
    @refuses(EndUnconfirmed)
    def delete(self, request: Request, session_id: str) -> Response:
        """End it, this session included. It cannot be used again, from any copy of its key."""
        if session_id == own_session_id(request):
            return super().delete(request, session_id)  # a logout, which is recorded as one
        return self._announced(request, session_id=session_id)
