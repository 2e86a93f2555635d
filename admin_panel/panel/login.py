from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from unfold.forms import AuthenticationForm

from identity.signals import login_denied


class OperatorLoginForm(AuthenticationForm):
    """E-mail and password of somebody with any permission in the admin context."""

    error_messages = {
        "invalid_login": "The e-mail address or the password is wrong.",
        "not_operator": "This account has no permission in the operators' panel: ask an administrator for one.",
    }

    def confirm_login_allowed(self, user: AbstractBaseUser) -> None:
        if not getattr(user, "is_staff", False):
            login_denied.send(type(self), request=self.request, user=user)
            raise ValidationError(self.error_messages["not_operator"], code="not_operator")
