"""Mails are sent by the context's worker: a request waits for no mail server and shows nobody who has an account."""

from uuid import UUID

from django.db import OperationalError, transaction
from procrastinate.contrib.django import app
from procrastinate.exceptions import ConnectorException

from exchanger.kernel.contexts import IDENTITY
from identity.mails.kinds import MailKind

SEND_MAIL = "accounts.mail"


def mail_request(*, kind: MailKind, user_id: UUID | None, needed: bool = True) -> None:
    """Have a mail sent to a person, when the transaction under way commits; None is nobody and costs the same.

    The job holds the person's id alone: address, language and token are those of the moment of sending. The queue is
    in another database, so a crash right after the commit can lose the mail: one with a link can be asked for again.
    With ``needed`` a queue out of reach raises OperationalError, and the change that asked for the mail stays.
    """
    transaction.on_commit(lambda: _defer(kind, user_id), using=IDENTITY, robust=not needed)


def _defer(kind: MailKind, user_id: UUID | None) -> None:
    try:
        app.configure_task(SEND_MAIL).defer(kind=kind.value, user_id=None if user_id is None else str(user_id))
    except ConnectorException as error:
        raise OperationalError("The queue of jobs did not take a mail") from error
