from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from unfold.forms import AuthenticationForm

from exchanger.kernel.throttled import Throttled
from identity.services.throttling import login_attempt
from identity.services.users import AccountBlocked
from identity.signals import NOT_OPERATOR, login_denied


class OperatorLoginForm(AuthenticationForm):
    """E-mail and password of somebody with any permission in the admin context."""

    error_messages = {
        "invalid_login": "The e-mail address or the password is wrong.",
        "not_operator": "This account has no permission in the operators' panel: ask an administrator for one.",
    }

    def clean(self) -> dict[str, Any]:
        email, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if email and password:
            try:
                self.user_cache = login_attempt(request=self.request, email=email, password=password)
            except (Throttled, AccountBlocked) as refusal:
                raise ValidationError(str(refusal), code=refusal.code) from refusal
            if self.user_cache is None:
                raise self.get_invalid_login_error()
            self.confirm_login_allowed(self.user_cache)
        cleaned: dict[str, Any] = self.cleaned_data
        return cleaned

    def confirm_login_allowed(self, user: AbstractBaseUser) -> None:
        if not getattr(user, "is_staff", False):
            login_denied.send(type(self), request=self.request, user=user, reason=NOT_OPERATOR)
            raise ValidationError(self.error_messages["not_operator"], code="not_operator")
