"""What the ledger says of a person's own money; for their own application, and for operators who may see entries."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet, Sum

from web.models import Account, Transaction


@dataclass(frozen=True, slots=True)
class Balance:
    """The sum of entries in one account and currency, in its units; signs as in ``web/ledger.py``."""

    account: Account
    currency: str
    amount: Decimal


def entries_of(user_id: UUID) -> QuerySet[Transaction]:
    """The ledger entries that concern a person's own money: what came or went, and what is held for them."""
    return Transaction.objects.filter(user_id=user_id, account__in=(Account.CLIENT, Account.SUSPENSE))


def balances(entries: QuerySet[Transaction]) -> list[Balance]:
    """What they come to, by currency and account; one statement."""
    sums = entries.values_list("account", "currency").annotate(amount=Sum("amount")).order_by("currency", "account")
    return [Balance(Account(account), currency, amount) for account, currency, amount in sums]
