"""The mails of an account and their texts, in English; identity/locale holds the translations.

No text has a word of the person's own: whoever registers a stranger's address must not write them letters.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext as _

from identity.masking import mask_account
from identity.models import User
from identity.tokens import RESET, VERIFICATION, Purpose


class MailKind(StrEnum):
    VERIFICATION = "verification"
    REGISTERED_AGAIN = "registered_again"
    RESET = "reset"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    TELEGRAM_LINKED = "telegram_linked"
    TELEGRAM_UNLINKED = "telegram_unlinked"


@dataclass(frozen=True, slots=True)
class MailText:
    """A mail's words: paragraphs before the link, what the link is called, paragraphs after it."""

    subject: str
    before: list[str]
    action: str = ""
    after: list[str] | None = None


@dataclass(frozen=True, slots=True)
class MailSpec:
    """``text`` is called in the reader's language, of the reader; ``page`` is where the link leads, with a token of
    ``purpose``."""

    text: Callable[[User], MailText]
    purpose: Purpose | None = None
    page: str = ""
    is_due: Callable[[User], bool] = lambda user: True


def _verification(_user: User) -> MailText:
    return MailText(
        _("Confirm your e-mail address"),
        [_("Somebody, most likely you, opened an account at Exchanger with this e-mail address.")],
        _("Confirm the address"),
        [
            _("The link is good for 24 hours."),
            _("If it was not you, ignore this message: without your confirmation the address stays unconfirmed."),
        ],
    )


def _registered_again(_user: User) -> MailText:
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


def _reset(_user: User) -> MailText:
    return MailText(
        _("Set a new password"),
        [_("Somebody, most likely you, asked for a new password for your account at Exchanger.")],
        _("Set a new password"),
        [
            _("The link is good for one hour, and once."),
            _("If it was not you, ignore this message: your password stays as it is."),
        ],
    )


def _password_changed(user: User) -> MailText:
    """A new password leaves the Telegram account linked, so whoever lost the old one should know which that is."""
    return MailText(
        _("Your password was changed"),
        [
            _("The password of your account at Exchanger has just been changed, and your other sessions were ended."),
            *_linked_account(user),
            _("If it was not you, set a new password at once, and tell our support."),
        ],
    )


def _telegram_linked(user: User) -> MailText:
    return MailText(
        _("A Telegram account was linked"),
        [
            _("A Telegram account was just linked to your account at Exchanger. You can now exchange in its chat."),
            *_linked_account(user),
            _("If it was not you, unlink it and set a new password at once, and tell our support."),
        ],
    )


def _telegram_unlinked(_user: User) -> MailText:
    return MailText(
        _("Your Telegram account was unlinked"),
        [
            _("Your account at Exchanger is not linked to Telegram any more, and its chat is told nothing of it."),
            _("If it was not you, set a new password at once, and tell our support."),
        ],
    )


def _linked_account(user: User) -> list[str]:
    """Which Telegram account is linked as the mail is sent, and how to end that; nothing where none is."""
    profile = getattr(user, "profile", None)
    if profile is None or profile.telegram_user_id is None:
        return []
    text = _(
        "The Telegram account with the number {account} is linked to it. To unlink it, write /unlink to the bot in its "
        "chat, or unlink Telegram in your account on the website."
    )
    return [text.format(account=mask_account(profile.telegram_user_id))]


SPECS: dict[MailKind, MailSpec] = {
    MailKind.VERIFICATION: MailSpec(
        _verification, VERIFICATION, "account-verify", is_due=lambda user: not user.email_verified
    ),
    MailKind.REGISTERED_AGAIN: MailSpec(_registered_again, RESET, "account-reset"),
    MailKind.RESET: MailSpec(_reset, RESET, "account-reset"),
    MailKind.PASSWORD_CHANGED: MailSpec(_password_changed),
    MailKind.TELEGRAM_LINKED: MailSpec(_telegram_linked),
    MailKind.TELEGRAM_UNLINKED: MailSpec(_telegram_unlinked),
}
