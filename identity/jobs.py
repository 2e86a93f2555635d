"""What the identity app has done in the background, by the workers of whichever context asked for it."""

import logging
from smtplib import SMTPRecipientsRefused

from procrastinate import App, RetryStrategy

from identity.mails.kinds import MailKind
from identity.mails.message import mail_send
from identity.models import User
from identity.services.mails import SEND_MAIL

logger = logging.getLogger(__name__)

# Seconds between attempts: 4, 16, 64, … 4^7; all in all a mail server may be away for about six hours.
RETRY = RetryStrategy(max_attempts=8, exponential_wait=4)
PERMANENT = 500  # SMTP's answers from here on do not change by asking again


def register(app: App) -> None:
    """Add the app's tasks to the process's job engine."""
    app.task(name=SEND_MAIL, retry=RETRY)(send_mail)


def send_mail(*, kind: str, user_id: str | None) -> None:
    """Send a mail of ``kind`` to a person, if there is one and the mail still has a reason."""
    people = User.objects.defer("password").select_related("profile")
    user = people.filter(pk=user_id).first() if user_id else None
    if user is None:
        return
    try:
        mail_send(MailKind(kind), user)
    except SMTPRecipientsRefused as error:
        if any(code < PERMANENT for code, _ in error.recipients.values()):
            raise
        logger.warning("The address of user %s does not take mail: '%s' is not sent", user_id, kind)
