"""Bank transfers: the client is told where to send the money, and an operator says that it came."""

from exchanger.kernel.codes import readable_code
from exchanger.kernel.money.currencies import recorded_currency
from web.configuration import WebConfiguration
from web.models import Order, Payment
from web.payments.providers import Start

REFERENCE = 12
"""Letters of a payment's reference: sixty random bits that a person can copy from a bank statement."""


class BankTransfer:
    """``bank_accounts`` of the published configuration says where to, by currency."""

    method = "bank_transfer"

    def is_offered(self, order: Order, configuration: WebConfiguration) -> bool:
        return order.from_currency in configuration.bank_accounts

    def start(self, order: Order, payment: Payment, configuration: WebConfiguration) -> Start:
        account = configuration.bank_accounts[order.from_currency]
        reference = f"EX-{readable_code(REFERENCE)}"
        instructions = {
            "recipient": account.recipient,
            "iban": account.iban,
            "bank": account.bank,
            "amount": recorded_currency(order.from_currency).text(payment.amount),
            "currency": order.from_currency,
            "purpose": reference,
        }
        return Start(instructions, reference)
