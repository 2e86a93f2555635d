"""The providers, by the payment method that names them."""

from typing import Final

from web.payments.card import CardProcessor
from web.payments.manual import BankTransfer
from web.payments.providers import Processor, Provider

CARD: Final = CardProcessor()
BANK_TRANSFER: Final = BankTransfer()

PROCESSORS: Final[dict[str, Processor]] = {CARD.method: CARD}
"""Those that are machines; every other method is an operator's to confirm, the methods of old payments included."""

PROVIDERS: Final[dict[str, Provider]] = {BANK_TRANSFER.method: BANK_TRANSFER, **PROCESSORS}
