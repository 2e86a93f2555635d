"""Bank transfers: the client is told where to send the money, and an operator says that it came."""

import secrets

from exchanger.kernel.money.currencies import currency
from web.configuration import WebConfiguration
from web.models import Order, Payment
from web.payments.providers import Start

# Crockford's: no letter that reads as a digit, or as another letter.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class BankTransfer:
    """``bank_accounts`` of the published configuration says where to, by currency."""

    method = "bank_transfer"

    def is_offered(self, order: Order, configuration: WebConfiguration) -> bool:
        return order.from_currency in configuration.bank_accounts

    def start(self, order: Order, payment: Payment, configuration: WebConfiguration) -> Start:
        account = configuration.bank_accounts[order.from_currency]
        reference = new_reference()
        instructions = {
            "recipient": account.recipient,
            "iban": account.iban,
            "bank": account.bank,
            "amount": currency(order.from_currency).text(payment.amount),
            "currency": order.from_currency,
            "purpose": reference,
        }
        return Start(instructions, reference)


def new_reference() -> str:
    """Sixty random bits that a person can copy from a bank statement: ``EX-7K3M-9Q2P-X4TB``."""
    letters = [secrets.choice(ALPHABET) for _ in range(12)]
    return "-".join(["EX", *("".join(letters[start : start + 4]) for start in (0, 4, 8))])
