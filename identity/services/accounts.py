"""Opening an account, and confirming that its address is the person's own."""

from django.contrib.auth.password_validation import validate_password
from django.db import transaction

from exchanger.kernel.contexts import IDENTITY, Context, require
from identity.cache import invalidate_user_cache
from identity.mails.kinds import MailKind
from identity.models import User, UserProfile
from identity.services.mails import mail_request
from identity.tokens import VERIFICATION, DeadToken


def account_register(*, email: str, password: str, display_name: str, language: str) -> bool:
    """Open an account with an unconfirmed address, or tell the owner of a taken one; both by mail. False: taken.

    The two cost nearly the same, and the caller must not tell them apart to whoever asked. Of two registrations of
    one address at once the second waits in PostgreSQL for the first, and then finds it taken.

    Raises:
        django.core.exceptions.ValidationError: the password is too weak.
        ForeignContext, NoContext: anywhere but in the web application.
    """
    require(Context.WEB)
    user = User(email=User.objects.normalize_email(email))
    validate_password(password, user)
    user.set_password(password)
    with transaction.atomic(using=IDENTITY):
        User.objects.bulk_create([user], ignore_conflicts=True)
        owner_id = User.objects.values_list("pk", flat=True).get(email=user.email)
        is_new = owner_id == user.pk
        if is_new:
            UserProfile.objects.create(user_id=owner_id, display_name=display_name, language=language)
        kind = MailKind.VERIFICATION if is_new else MailKind.REGISTERED_AGAIN
        mail_request(kind=kind, user_id=owner_id)
    return bool(is_new)


def email_verification_request(*, email: str) -> None:
    """Send the mail of confirmation again, if the address has an account and is not confirmed; the same work if not.

    Raises:
        ForeignContext, NoContext: anywhere but in the web application.
    """
    require(Context.WEB)
    user_id = User.objects.values_list("pk", flat=True).filter(email=User.objects.normalize_email(email)).first()
    mail_request(kind=MailKind.VERIFICATION, user_id=user_id)


@transaction.atomic(using=IDENTITY)
def email_verify(*, token: str) -> None:
    """Confirm the address that the token was sent to; to do it again changes nothing.

    Raises:
        DeadToken: the token is not, or no longer, good for this person's address.
    """
    claim = VERIFICATION.read(token)
    user = User.objects.select_for_update(no_key=True).defer("password").filter(pk=claim.user_id).first()
    if user is None or not claim.fits(user):
        raise DeadToken
    if not user.email_verified:
        user.email_verified = True
        user.save(update_fields=["email_verified", "updated_at"])
        invalidate_user_cache(user.pk)
