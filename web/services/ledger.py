"""The only writer of the ledger."""

from django.db import IntegrityError, transaction
from psycopg.errors import UniqueViolation

from web.ledger import EntrySet
from web.models import Order, Transaction

ALIAS = "web"


class AlreadyPosted(RuntimeError):
    """This set of this order and payment is in the ledger already."""


def ledger_post(*, order: Order, entry_set: EntrySet) -> list[Transaction]:
    """Write one entry set of ``order``, in the transaction of the change that it tells of.

    Raises:
        AlreadyPosted: it was written before; nothing was written now, and the transaction goes on.
    """
    entries = [
        Transaction(
            order=order,
            payment_id=entry_set.payment_id,
            user_id=order.user_id,
            kind=entry_set.kind,
            account=account,
            currency=entry_set.currency,
            amount=amount,
            description=entry_set.description,
        )
        for account, amount in entry_set.entries
    ]
    try:
        with transaction.atomic(using=ALIAS):
            return Transaction.objects.bulk_create(entries)
    except IntegrityError as error:
        if not isinstance(error.__cause__, UniqueViolation):
            raise
        raise AlreadyPosted(f"{entry_set.kind} of order {order.pk} and payment {entry_set.payment_id}") from error
