"""Where the links of mails lead. To open a page changes nothing, since scanners of mail follow links; its form does."""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.decorators import method_decorator
from django.utils.translation import get_language_from_request
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.cache import never_cache

from identity.services.accounts import email_verify
from identity.services.passwords import password_reset
from identity.tokens import DeadToken

PASSWORD_LENGTH = 1024  # characters, as at login


@method_decorator(never_cache, name="dispatch")
class TokenPage(View):
    """A form that hands a mail's token to a service, in the language that the browser prefers."""

    http_method_names = ["get", "head", "post"]
    asks_password = False

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        with translation.override(get_language_from_request(request)):
            return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(request, token=request.GET.get("token", ""))

    def post(self, request: HttpRequest) -> HttpResponse:
        token = request.POST.get("token", "")
        try:
            done = self.use(token, request.POST.get("password", ""))
        except DeadToken:
            dead = _("This link has expired, has been used, or is incomplete: ask for a new one.")
            return self._page(request, token=token, errors=[dead], status=400)
        except ValidationError as error:
            return self._page(request, token=token, errors=error.messages, status=400)
        return self._page(request, done=done)

    def use(self, token: str, password: str) -> str:
        """Do what the token allows; returns what to tell the reader."""
        raise NotImplementedError

    def words(self) -> dict[str, str]:
        raise NotImplementedError

    def _page(self, request: HttpRequest, *, status: int = 200, **context: Any) -> HttpResponse:
        shown = {"language": translation.get_language(), "asks_password": self.asks_password, **self.words(), **context}
        return render(request, "identity/page.html", shown, status=status)


class VerifyPage(TokenPage):
    def use(self, token: str, password: str) -> str:
        email_verify(token=token)
        return _("Thank you: your e-mail address is confirmed. You can close this page.")

    def words(self) -> dict[str, str]:
        return {"title": _("Confirm your e-mail address"), "action": _("Confirm the address")}


class ResetPage(TokenPage):
    asks_password = True

    def use(self, token: str, password: str) -> str:
        if not 0 < len(password) <= PASSWORD_LENGTH:
            raise ValidationError(_("Enter the new password."))
        password_reset(token=token, password=password)
        return _("Your password is set, and all your sessions have been ended: log in with the new one.")

    def words(self) -> dict[str, str]:
        return {
            "title": _("Set a new password"),
            "action": _("Set the password"),
            "password_label": _("New password"),
        }
