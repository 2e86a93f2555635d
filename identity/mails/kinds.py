"""The mails of an account and their texts, in English; identity/locale holds the translations.

No text has a word of the person's own: whoever registers a stranger's address must not write them letters.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext as _

from identity.models import User
from identity.tokens import RESET, VERIFICATION, Purpose


class MailKind(StrEnum):
    VERIFICATION = "verification"
    REGISTERED_AGAIN = "registered_again"
    RESET = "reset"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105


@dataclass(frozen=True, slots=True)
class MailText:
    """A mail's words: paragraphs before the link, what the link is called, paragraphs after it."""

    subject: str
    before: list[str]
    action: str = ""
    after: list[str] | None = None


@dataclass(frozen=True, slots=True)
class MailSpec:
    """``text`` is called in the reader's language; ``page`` is where the link leads, with a token of ``purpose``."""

    text: Callable[[], MailText]
    purpose: Purpose | None = None
    page: str = ""
    is_due: Callable[[User], bool] = lambda user: True


def _verification() -> MailText:
    return MailText(
        _("Confirm your e-mail address"),
        [_("Somebody, most likely you, opened an account at Exchanger with this e-mail address.")],
        _("Confirm the address"),
        [
            _("The link is good for 24 hours."),
            _("If it was not you, ignore this message: without your confirmation the address stays unconfirmed."),
        ],
    )


def _registered_again() -> MailText:
    return MailText(
        _("You already have an account"),
        [
            _("Somebody, most likely you, tried to open an account at Exchanger with this e-mail address."),
            _("There is one already, and nothing has changed: log in with its password."),
            _("If you do not know the password, set a new one:"),
        ],
        _("Set a new password"),
        [
            _("The link is good for one hour, and once."),
            _("If it was not you, there is nothing to do: nobody learns from us that you have an account."),
        ],
    )


def _reset() -> MailText:
    return MailText(
        _("Set a new password"),
        [_("Somebody, most likely you, asked for a new password for your account at Exchanger.")],
        _("Set a new password"),
        [
            _("The link is good for one hour, and once."),
            _("If it was not you, ignore this message: your password stays as it is."),
        ],
    )


def _password_changed() -> MailText:
    return MailText(
        _("Your password was changed"),
        [
            _("The password of your account at Exchanger has just been changed, and your other sessions were ended."),
            _("If it was not you, set a new password at once, and tell our support."),
        ],
    )


SPECS: dict[MailKind, MailSpec] = {
    MailKind.VERIFICATION: MailSpec(
        _verification, VERIFICATION, "account-verify", is_due=lambda user: not user.email_verified
    ),
    MailKind.REGISTERED_AGAIN: MailSpec(_registered_again, RESET, "account-reset"),
    MailKind.RESET: MailSpec(_reset, RESET, "account-reset"),
    MailKind.PASSWORD_CHANGED: MailSpec(_password_changed),
}
