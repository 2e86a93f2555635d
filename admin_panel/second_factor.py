"""What a session knows of its person's second factor: when a code was last given, which decides what it opens.

The password makes a session half of one. It opens the pages that ask for the code, and nothing else, until
``session_pass`` has marked it.
"""

import time
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import SESSION_KEY as USER_ID
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from admin_panel.models import OperatorFactor
from exchanger.kernel.refusals import Refused

PASSED_AT = "second_factor_at"  # in a session: seconds since 1970
NOT_ASKED = 0  # the person had no factor while none was required


def session_pass(session: SessionBase) -> None:
    """Mark the session as one whose person has just given a code; the caller saves it."""
    session[PASSED_AT] = int(time.time())


def has_passed(session: SessionBase) -> bool:
    """Whether the session's person has given a code in it."""
    return bool(session.get(PASSED_AT, NOT_ASKED) > NOT_ASKED)


def is_fresh(session: SessionBase) -> bool:
    """Whether what needs a code of the last minutes may be done."""
    if _is_excused(session):
        return True
    return has_passed(session) and time.time() - session[PASSED_AT] <= settings.OPERATORS_STEP_UP_AGE


class FreshCodeRequired(Refused):
    """What was asked for takes a code of the last minutes; nothing was done."""

    codes = {
        403: {
            "fresh_code_required": "This takes a fresh code of your second factor, and nothing was done: POST one to"
            " /api/v1/auth/second-factor, then ask again."
        }
    }


def require_fresh(session: SessionBase) -> None:
    """Raises FreshCodeRequired, unless ``is_fresh``."""
    if not is_fresh(session):
        message = FreshCodeRequired.codes[403]["fresh_code_required"]
        raise FreshCodeRequired("fresh_code_required", message, status=403)


def is_whole(request: HttpRequest) -> bool:
    """Whether the request's session opens what its person may see; nobody's session is not held up here.

    Where no factor is required and the person has none, the session remembers that, so it is asked once.
    """
    session = request.session
    if USER_ID not in session or has_passed(session) or _is_excused(session):
        return True
    user: Any = request.user
    if not user.is_authenticated:
        return True
    if settings.OPERATORS_SECOND_FACTOR or has_factor(user.pk):
        return False
    session[PASSED_AT] = NOT_ASKED
    return True


def has_factor(user_id: UUID) -> bool:
    """Whether the person has set a second factor up and confirmed it."""
    return OperatorFactor.objects.filter(user_id=user_id, confirmed_at__isnull=False).exists()


def _is_excused(session: SessionBase) -> bool:
    return not settings.OPERATORS_SECOND_FACTOR and session.get(PASSED_AT) == NOT_ASKED
