"""An operator's authenticator, whose clock stands where a test puts it."""

from dataclasses import dataclass

import pyotp
from django.utils import timezone

from admin_panel.factor_secrets import encrypted
from admin_panel.models import OperatorFactor
from admin_panel.services import factors
from identity.models import User

STEP = 59_000_000


@dataclass
class Authenticator:
    secret: str

    def code(self, drift: int = 0) -> str:
        return pyotp.TOTP(self.secret).generate_otp(factors.current_step() + drift)

    def wrong_code(self) -> str:
        near = {self.code(drift) for drift in (-1, 0, 1)}
        return next(code for code in ("000000", "111111", "222222", "333333") if code not in near)


def authenticator_of(user: User) -> Authenticator:
    """A confirmed factor of ``user``, of which no code has been used yet."""
    secret = pyotp.random_base32()
    OperatorFactor.objects.create(
        user_id=user.pk, secret=encrypted(secret, user_id=user.pk), confirmed_at=timezone.now()
    )
    return Authenticator(secret)
