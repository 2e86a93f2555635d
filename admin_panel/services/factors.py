"""An operator's second factor: set up, asked for, and reset when it is lost.

A code is good for one step of 30 seconds and one either side of it, and once: the step that it is of is taken by a
conditional UPDATE, so of two who bring the same code at the same moment one wins.
"""

import hashlib
import re
import time
from dataclasses import dataclass
from hmac import compare_digest
from uuid import UUID

import pyotp
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, connections, transaction
from django.db.models import QuerySet
from django.utils import timezone

from admin_panel.factor_secrets import decrypted, encrypted
from admin_panel.models import OperatorFactor, OperatorRecoveryCode
from admin_panel.resources import Resource, resource_type
from admin_panel.services.actors import NOBODY, Actor
from admin_panel.services.audit import ALIAS, audited
from admin_panel.services.permissions import held_permissions, require_permission, require_reason
from exchanger.kernel.cache.counters import Rule
from exchanger.kernel.cache.invalidation import invalidate_on_commit
from exchanger.kernel.cache.namespaces import SESSIONS
from exchanger.kernel.codes import readable_code
from exchanger.kernel.contexts import IDENTITY, Context
from exchanger.kernel.refusals import Refused
from identity.models import SUPERUSER, User, UserPermission
from identity.services.sessions import user_sessions_end, user_sessions_revoke
from identity.services.throttling import HOUR, MINUTE, guess_counted

MAY_RESET = "admin_panel.delete_operatorfactor"
ISSUER = "Exchanger operators"
STEP = 30  # seconds
DRIFT = 1  # steps that the authenticator's clock may be off
RECOVERY_CODES = 10
# Wrong codes of a person, wherever they come from: a code has six digits, and each login would buy new tries.
FACTOR_GUESS = Rule("second-factor", free=5, life=HOUR, first_delay=30, longest_delay=15 * MINUTE)

_CODE = re.compile(r"[0-9]{6}")
_RECOVERY_LENGTH = 16  # letters: 80 bits, so a plain SHA-256 tells nobody


class WrongCode(Refused):
    """The code is wrong, too old, or was used already."""

    codes = {400: {"wrong_code": "This code is wrong, or was used already: wait for the next one."}}

    def __init__(self) -> None:
        super().__init__("wrong_code", self.codes[400]["wrong_code"])


class NoFactor(Refused):
    """There is no second factor to ask for."""

    codes = {400: {"no_factor": "You have no second factor yet: set one up in the operators' panel."}}

    def __init__(self) -> None:
        super().__init__("no_factor", self.codes[400]["no_factor"])


class FactorTaken(Refused):
    """Another factor counts already, or another was begun meanwhile."""

    def __init__(self) -> None:
        super().__init__("factor_taken", "Another second factor was set up or begun meanwhile: begin again.")


@dataclass(frozen=True, slots=True)
class Begun:
    """A factor to be confirmed: what the authenticator is told, as text and as the address in the QR code."""

    id: UUID
    secret: str
    address: str


def factor_enrol(*, actor: Actor, email: str, may_replace: bool) -> Begun:
    """Begin a factor; one that was begun before, in whichever session, is given up.

    ``may_replace``: the session has proved itself by the factor that the person has.

    Raises:
        FactorTaken: the person has one, and may not replace it here; or another was begun at this moment.
    """
    secret = pyotp.random_base32()
    with audited(actor, action="factor.enrol", resource=_person(actor.admin_id)):
        try:
            with transaction.atomic(using=ALIAS):
                _refuse_replacing(actor.admin_id, may_replace=may_replace)
                _begun(actor.admin_id).delete()
                made = OperatorFactor.objects.create(
                    user_id=actor.admin_id, secret=encrypted(secret, user_id=actor.admin_id)
                )
        except IntegrityError:
            raise FactorTaken from None
    return _told(made.pk, secret, email)


def factor_show(*, user_id: UUID, email: str, factor_id: UUID) -> Begun | None:
    """A factor that was begun and is still to be confirmed; None when another has taken its place."""
    found = _begun(user_id).filter(pk=factor_id).first()
    return None if found is None else _told(found.pk, decrypted(found.secret, user_id=user_id), email)


def factor_confirm(*, actor: Actor, factor_id: UUID, code: str, may_replace: bool, keep_session: str) -> list[str]:
    """Let a factor count that was begun, by a code of it; returns the recovery codes, which are kept as hashes only.

    The person's other sessions in the admin context end.

    Raises:
        WrongCode, Throttled
        FactorTaken: another was begun or confirmed meanwhile.
    """
    user_id = actor.admin_id
    codes = [readable_code(_RECOVERY_LENGTH) for _ in range(RECOVERY_CODES)]
    with (
        guess_counted(rule=FACTOR_GUESS, who=str(user_id), wrong=WrongCode),
        audited(actor, action="factor.confirm", resource=_person(user_id)),
        transaction.atomic(using=ALIAS),
    ):
        _refuse_replacing(user_id, may_replace=may_replace)
        found = _begun(user_id).select_for_update().filter(pk=factor_id).first()
        if found is None:
            raise FactorTaken
        step = _step_of(decrypted(found.secret, user_id=user_id), code)
        if step is None:
            raise WrongCode
        _confirmed(user_id).delete()
        _begun(user_id).update(confirmed_at=timezone.now(), last_used_step=step)
        OperatorRecoveryCode.objects.filter(user_id=user_id).delete()
        OperatorRecoveryCode.objects.bulk_create(
            OperatorRecoveryCode(user_id=user_id, code_hash=_hash(user_id, code)) for code in codes
        )
        # Last, and before the commit: where sessions cannot be ended, nothing counts whose codes were not shown.
        user_sessions_end(user_id=user_id, keep=keep_session)
    return codes


def factor_check(*, actor: Actor, code: str) -> None:
    """Take a code of the person's authenticator, or one of their recovery codes; each is good once.

    Raises:
        WrongCode, Throttled, UnreadableSecret
        NoFactor: there is none to check against.
    """
    typed = re.sub(r"[\s-]", "", code).upper()
    by_authenticator = bool(_CODE.fullmatch(typed))
    with (
        guess_counted(rule=FACTOR_GUESS, who=str(actor.admin_id), wrong=WrongCode),
        audited(
            actor,
            action="factor.pass" if by_authenticator else "factor.recover",
            resource=_person(actor.admin_id),
        ),
    ):
        take = _take_step if by_authenticator else _take_recovery_code
        if not take(actor.admin_id, typed):
            raise WrongCode


def operator_factor_reset(*, actor: Actor, user_id: UUID, reason: str) -> bool:
    """Take another operator's factor away, with its recovery codes, and end their sessions in the admin context.

    They set a new one up at their next login. False when there was none.

    Raises:
        PermissionDenied: the operator may not, or it is their own, or that of somebody with ``*``, which they lack.
        ReasonMissing
    """
    with audited(actor, action="factor.reset", resource=_person(user_id), new={"reason": reason}) as attempt:
        require_reason(reason)
        require_permission(actor, MAY_RESET)
        if user_id == actor.admin_id:
            raise PermissionDenied("You cannot reset your own second factor: set a new one up on its page.")
        theirs = UserPermission.objects.filter(
            application_context=Context.ADMIN, user_id=user_id, permission=SUPERUSER
        ).exists()
        if theirs and SUPERUSER not in held_permissions(actor):
            raise PermissionDenied("Only who holds '*' in the admin context resets the factor of who holds it.")
        with transaction.atomic(using=ALIAS):
            changed = _forget(user_id)
            ended = user_sessions_revoke(user_id=user_id, context=Context.ADMIN)
        attempt.note(changed=changed, ended=ended)
    return changed


def lost_factor_reset(*, user_id: UUID) -> bool:
    """The same for a maintenance process, which has no operator: for the last one who has lost theirs."""
    with audited(Actor(NOBODY), action="factor.reset", resource=_person(user_id), new={"by": "maintenance"}) as attempt:
        with transaction.atomic(using=ALIAS):
            changed = _forget(user_id)
            with transaction.atomic(using=IDENTITY), connections[IDENTITY].cursor() as cursor:
                cursor.execute("SELECT id FROM revoke_context_sessions(%s, %s)", [str(user_id), Context.ADMIN.value])
                ended = [row_id for (row_id,) in cursor.fetchall()]
                keys = [key for row_id in ended for key in SESSIONS.deletable_keys(row_id)]
                invalidate_on_commit(keys, using=IDENTITY)
        attempt.note(changed=changed, ended=len(ended))
    return changed


def current_step() -> int:
    return int(time.time()) // STEP


def _begun(user_id: UUID) -> QuerySet[OperatorFactor]:
    return OperatorFactor.objects.filter(user_id=user_id, confirmed_at__isnull=True)


def _confirmed(user_id: UUID) -> QuerySet[OperatorFactor]:
    return OperatorFactor.objects.filter(user_id=user_id, confirmed_at__isnull=False)


def _refuse_replacing(user_id: UUID, *, may_replace: bool) -> None:
    if not may_replace and _confirmed(user_id).select_for_update().exists():
        raise FactorTaken


def _told(factor_id: UUID, secret: str, email: str) -> Begun:
    return Begun(factor_id, secret, pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER))


def _step_of(secret: str, code: str) -> int | None:
    """Which step near now a code is of."""
    authenticator, now = pyotp.TOTP(secret, interval=STEP), current_step()
    typed = re.sub(r"\s", "", code).encode()
    for step in range(now - DRIFT, now + DRIFT + 1):
        if compare_digest(authenticator.generate_otp(step).encode(), typed):
            return step
    return None


def _take_step(user_id: UUID, code: str) -> bool:
    found = _confirmed(user_id).first()
    if found is None:
        raise NoFactor
    step = _step_of(decrypted(found.secret, user_id=user_id), code)
    if step is None:
        return False
    return bool(OperatorFactor.objects.filter(pk=found.pk, last_used_step__lt=step).update(last_used_step=step))


def _take_recovery_code(user_id: UUID, code: str) -> bool:
    """Recovery codes are kept only beside a factor that counts."""
    unused = OperatorRecoveryCode.objects.filter(user_id=user_id, code_hash=_hash(user_id, code), used_at=None)
    return bool(unused.update(used_at=timezone.now()))


def _forget(user_id: UUID) -> bool:
    """In the caller's transaction, which ends the person's sessions before it is committed: both, or neither."""
    OperatorRecoveryCode.objects.filter(user_id=user_id).delete()
    gone, _ = OperatorFactor.objects.filter(user_id=user_id).delete()
    return bool(gone)


def _hash(user_id: UUID, code: str) -> str:
    return hashlib.sha256(f"{user_id} {code.replace('-', '')}".encode(errors="replace")).hexdigest()


def _person(user_id: UUID) -> Resource:
    return Resource(resource_type(User), str(user_id))
