"""Mails are sent by the context's worker: a request waits for no mail server and shows nobody who has an account."""

from uuid import UUID

from django.db import transaction
from procrastinate.contrib.django import app

from exchanger.kernel.contexts import IDENTITY
from identity.mails.kinds import MailKind

SEND_MAIL = "accounts.mail"


def mail_request(*, kind: MailKind, user_id: UUID | None, needed: bool = True) -> None:
    """Have a mail sent to a person, when the transaction under way commits; None is nobody and costs the same.

    The job holds the person's id alone: address, language and token are those of the moment of sending. The queue is
    in another database, so a crash right after the commit can lose the mail; all mails can be asked for again.
    With ``needed`` a queue out of reach raises, and the change that asked for the mail is nevertheless committed.
    """
    arguments = {"kind": kind.value, "user_id": None if user_id is None else str(user_id)}
    job = app.configure_task(SEND_MAIL)
    transaction.on_commit(lambda: job.defer(**arguments), using=IDENTITY, robust=not needed)
