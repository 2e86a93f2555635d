"""Changing a password one knows, and replacing one that is lost. Both end sessions and tell the person by mail."""

from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.db import transaction

from exchanger.kernel.contexts import IDENTITY, Context, require
from identity.mails.kinds import MailKind
from identity.models import User
from identity.services.mails import mail_request
from identity.services.sessions import user_sessions_end
from identity.services.telegram_links import telegram_unlink
from identity.services.users import user_set_password
from identity.tokens import RESET, DeadToken


class WrongPassword(ValueError):
    """The password that was given as the current one is not."""

    def __init__(self) -> None:
        super().__init__("This is not your current password. If you do not know it, reset it by mail.")


@transaction.atomic(using=IDENTITY)
def password_change(*, user_id: UUID, current_password: str, new_password: str, keep: str) -> User:
    """Change the password of a person who knows it, and end their sessions save the row ``keep``.

    Sessions of this context go at once; those of the others are refused from the commit on, since the password that
    they are tied to is another. ``keep`` is tied to it too: give it the new hash (``update_session_auth_hash``).

    Raises:
        WrongPassword: ``current_password`` is wrong.
        django.core.exceptions.ValidationError: the new one is too weak.
    """
    user = User.objects.select_for_update(no_key=True).filter(pk=user_id).first()
    if user is None or not user.check_password(current_password):
        raise WrongPassword
    validate_password(new_password, user)
    user_set_password(user=user, password=new_password)
    user_sessions_end(user_id=user.pk, keep=keep)
    mail_request(kind=MailKind.PASSWORD_CHANGED, user_id=user.pk, needed=False)
    return user


def password_reset_request(*, email: str) -> None:
    """Send a mail with which the address's owner can set a new password; the same work where there is no account.

    Raises:
        ForeignContext, NoContext: anywhere but in the web application.
    """
    require(Context.WEB)
    user_id = User.objects.values_list("pk", flat=True).filter(email=User.objects.normalize_email(email)).first()
    mail_request(kind=MailKind.RESET, user_id=user_id)


@transaction.atomic(using=IDENTITY)
def password_reset(*, token: str, password: str) -> None:
    """Set a new password by a mail's token, which is good once, and end every session of the person.

    Who has the token has read the mail, so the address counts as confirmed. Until then anybody may have had the
    account: a Telegram account that they linked is unlinked.

    Raises:
        ForeignContext, NoContext: anywhere but in the web application.
        DeadToken: the token is too old, was used, or the password or the address has changed since.
        django.core.exceptions.ValidationError: the password is too weak; the token stays good.
    """
    require(Context.WEB)
    claim = RESET.read(token)
    user = User.objects.select_for_update(no_key=True).filter(pk=claim.user_id).first()
    if user is None or not claim.fits(user):
        raise DeadToken
    validate_password(password, user)
    if not user.email_verified:
        telegram_unlink(user_id=user.pk)
        user.email_verified = True
        user.save(update_fields=["email_verified"])
    user_set_password(user=user, password=password)
    user_sessions_end(user_id=user.pk)
    mail_request(kind=MailKind.PASSWORD_CHANGED, user_id=user.pk, needed=False)
