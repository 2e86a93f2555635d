"""The card processor's sandbox as a client and a test use it."""

import math
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx

from exchanger.sandbox.cards import Card
from exchanger.sandbox.processor import Processor
from web.models import Payment
from web.services.payments import payment_start


@dataclass
class Sandbox:
    processor: Processor
    url: str

    def start(self, order) -> Payment:
        return payment_start(user_id=order.user_id, order_id=order.pk, payment_method="card")

    def pay(self, payment, card: Card) -> httpx.Response:
        """Pick a card on the page that the payment leads to."""
        link = urlsplit(payment.instructions["checkout_url"])
        fields = {name: values[0] for name, values in parse_qs(link.query).items()}
        address = f"{link.scheme}://{link.netloc}{link.path}"
        return httpx.post(address, data={**fields, "card": card.number})

    def call(self) -> int:
        """Make every call that is waiting, those for later included; how many were accepted."""
        return self.processor.deliver(math.inf)

    def charge(self, payment):
        return self.processor.charge(str(payment.pk))

    def refunds(self, payment):
        return self.processor.books.refunds(str(payment.pk))
