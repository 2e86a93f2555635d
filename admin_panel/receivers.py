"""Coming in, failing to, and leaving: django.contrib.auth's signals, in the audit trail of the admin context."""

import hashlib
import hmac
import logging
import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import DatabaseError
from django.dispatch import receiver
from django.http import HttpRequest

from admin_panel.models import Outcome
from admin_panel.resources import Resource
from admin_panel.services.actors import NOBODY, UNKNOWN, Actor, actor_of
from admin_panel.services.audit import attempt_record
from exchanger.kernel.contexts import Context, current_or_none
from exchanger.kernel.origin import origin_of
from identity.adapter import IdentityAdapter
from identity.models import User
from identity.signals import login_denied

logger = logging.getLogger(__name__)

OPEN, CLOSE = "session.open", "session.close"
_SESSION = Resource("session")
_CONTEXT = {"application_context": Context.ADMIN.value}
_ADDRESS = re.compile(r"([^@\s])[^@\s]*@([a-z0-9.-]+)", re.IGNORECASE)


@receiver(user_logged_in)
def record_login(request: HttpRequest, user: User, **kwargs: Any) -> None:
    if current_or_none() is Context.ADMIN:
        actor = Actor(user.pk, origin_of(request), request)
        attempt_record(actor=actor, action=OPEN, resource=_SESSION, outcome=Outcome.DONE, new=_CONTEXT)


@receiver(login_denied)
def record_denied_login(request: HttpRequest, user: User, reason: str, **kwargs: Any) -> None:
    if current_or_none() is Context.ADMIN:
        actor = Actor(user.pk, origin_of(request), request)
        attempt_record(
            actor=actor,
            action=OPEN,
            resource=_SESSION,
            outcome=Outcome.DENIED,
            new=_CONTEXT,
            details={"reason": reason},
        )


@receiver(user_login_failed)
def record_failed_login(credentials: Mapping[str, Any], request: HttpRequest | None = None, **kwargs: Any) -> None:
    """Whoever tried has not proved to be anybody, so NOBODY tried; the resource is the account, if there is one."""
    if current_or_none() is not Context.ADMIN:
        return
    tried = str(credentials.get("username") or credentials.get("email") or "")
    known = IdentityAdapter(Context.ADMIN).find_user_by_email(tried) if "\0" not in tried else None
    attempt_record(
        actor=Actor(NOBODY, origin_of(request) if request else UNKNOWN, request),
        action=OPEN,
        resource=_SESSION if known is None else Resource.of(known),
        outcome=Outcome.FAILED,
        new={**_CONTEXT, **tried_address(tried)},
        details={"reason": "wrong e-mail address or password"},
    )


@receiver(user_logged_out)
def record_logout(request: HttpRequest, user: User | None, **kwargs: Any) -> None:
    if user is None or current_or_none() is not Context.ADMIN:
        return
    try:
        attempt_record(actor=actor_of(request), action=CLOSE, resource=_SESSION, outcome=Outcome.DONE, new=_CONTEXT)
    except DatabaseError:
        # Whoever wants to leave must be able to.
        logger.exception("The logout of %s could not be recorded", user.pk)


def tried_address(tried: str) -> dict[str, str]:
    """What the trail keeps of the address that a login was tried with.

    People type passwords into that field, so the text itself is not kept: a fingerprint that tells whether two tries
    were with the same one, keyed so that nobody can guess along, and a hint where it looks like an address.
    """
    text = User.objects.normalize_email(tried)
    key = hashlib.sha256(f"audit.login:{settings.SECRET_KEY}".encode()).digest()
    kept = {"fingerprint": hmac.new(key, text.encode(errors="replace"), hashlib.sha256).hexdigest()[:32]}
    if found := _ADDRESS.fullmatch(text):
        kept["email"] = f"{found[1]}…@{found[2]}"
    return kept
