"""Clients: they ask for quotes, order, pay or do not, cancel, and read back what has become of their orders."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from bench.exchanging.asking import Asker, Command
from bench.exchanging.people import AMOUNTS, PAIRS, PASSWORD
from exchanger.sandbox import cards

API = "/api/v1"
PAUSE = 0.1, 0.4  # seconds between two orders: cores are left for processes that start again
CARDS = {
    cards.GOOD: 40,
    cards.DECLINED: 10,
    cards.TIMES_OUT: 10,
    cards.TWICE: 10,
    cards.LATE: 6,
    cards.OUT_OF_ORDER: 6,
    cards.HALF: 5,
    cards.MORE: 6,
    cards.NO_REFUNDS: 2,
    cards.LOST_REFUND: 5,
}
"""The cards that clients pay with, by how often of a hundred times."""


@dataclass(frozen=True, slots=True)
class Sight:
    """An order was seen as ``after`` by who had been told that it was ``before``."""

    order_id: str
    before: str
    after: str


class Client:
    """One of a person's devices: two of them share the person's daily limits."""

    def __init__(self, email: str, urls: list[str], chance: Random, address: str) -> None:
        self.email = email
        self.chance = chance
        self.asker = Asker(urls, chance, address)
        self.sights: list[Sight] = []
        self.raced = 0
        self._seen: dict[str, str] = {}

    def log_in(self) -> None:
        wanted = {"email": self.email, "password": PASSWORD, "transport": "bearer"}
        answer = self.asker.ask("log in", "POST", f"{API}/auth/login", json=wanted).raise_for_status()
        self.asker.http.headers["Authorization"] = f"Bearer {answer.json()['session_key']}"

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            order_id = self._order()
            if order_id is not None:
                self._look(order_id)
                self._deal_with(order_id)
            for known in self.chance.sample(sorted(self._seen), min(2, len(self._seen))):
                self._look(known)
            stop.wait(self.chance.uniform(*PAUSE))

    def look_at_all(self) -> None:
        for order_id in self._seen:
            self._look(order_id)

    # --- Ordering

    def _order(self) -> str | None:
        """The id of a new order; None where it was refused."""
        answers = list(self._orders())
        made = [answer.json() for answer in answers if answer.is_success]
        for order in made:
            self._seen.setdefault(order["id"], "pending")
        return made[0]["id"] if made else None

    def _orders(self) -> Iterator[httpx.Response]:
        pair = self.chance.choice(PAIRS)
        least, most = AMOUNTS[pair[:3].upper()]
        wanted = {"pair": pair, "from_amount": str(self.chance.randint(least, most))}
        if self.chance.random() < 0.4:
            yield self.asker.carry_out("order", self.asker.new_command(f"{API}/orders/", wanted))
            return
        quote = self.asker.ask("quote", "POST", f"{API}/quotes/", json=wanted).raise_for_status().json()
        body = {"quote_id": quote["id"]}
        commands = [self.asker.new_command(f"{API}/orders/", body)]
        if self.chance.random() < 0.2:  # twice at once, under two keys
            commands.append(self.asker.new_command(f"{API}/orders/", body))
            self.raced += 1
        yield from self._together(commands)

    def _together(self, commands: list[Command]) -> list[httpx.Response]:
        def one(command: Command) -> httpx.Response:
            return self.asker.carry_out("order", command)

        with ThreadPoolExecutor(len(commands)) as threads:
            return list(threads.map(one, commands))

    # --- What becomes of it

    def _deal_with(self, order_id: str) -> None:
        doing: list[tuple[int, Callable[[str], None]]] = [
            (52, self._pay_by_card),
            (26, self._pay_by_transfer),
            (8, self._pay_twice),
            (7, self._cancel),
            (7, lambda _: None),  # it expires
        ]
        (do,) = self.chance.choices([what for _, what in doing], [weight for weight, _ in doing])
        do(order_id)
        if self.chance.random() < 0.08:
            self._cancel(order_id)
        self._look(order_id)

    def _pay_twice(self, order_id: str) -> None:
        self._pay_by_card(order_id)
        self._pay_by_card(order_id)

    def _pay_by_transfer(self, order_id: str) -> None:
        self._begin(order_id, "bank_transfer")

    def _pay_by_card(self, order_id: str) -> None:
        payment = self._begin(order_id, "card")
        if payment is None:
            return
        (card,) = self.chance.choices(list(CARDS), list(CARDS.values()))
        page = self._pick(payment["instructions"]["checkout_url"], card)
        if "Declined" in page.text and self.chance.random() < 0.5:
            self._pick(payment["instructions"]["checkout_url"], cards.GOOD)

    def _begin(self, order_id: str, method: str) -> Any:
        command = self.asker.new_command(f"{API}/orders/{order_id}/payments/", {"payment_method": method})
        answer = self.asker.carry_out("payment", command)
        return answer.json() if answer.is_success else None

    def _pick(self, checkout: str, card: cards.Card) -> httpx.Response:
        """Choose a card on the processor's page, again and again until the page answers."""
        link = urlsplit(checkout)
        fields = {name: values[0] for name, values in parse_qs(link.query).items()}
        page = Asker([f"{link.scheme}://{link.netloc}"], self.chance, "192.0.2.1")
        page.samples = self.asker.samples
        try:
            return page.ask("card", "POST", link.path, data={**fields, "card": card.number})
        finally:
            page.http.close()

    def _cancel(self, order_id: str) -> None:
        answer = self.asker.ask("withdraw", "POST", f"{API}/orders/{order_id}/cancel/")
        if answer.is_success:
            self._saw(answer.json())

    def _look(self, order_id: str) -> None:
        self._saw(self.asker.ask("look", "GET", f"{API}/orders/{order_id}/").raise_for_status().json())

    def _saw(self, order: dict[str, Any]) -> None:
        order_id, status = order["id"], order["status"]
        self.sights.append(Sight(order_id, self._seen[order_id], status))
        self._seen[order_id] = status
