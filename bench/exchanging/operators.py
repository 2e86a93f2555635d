"""Operators: they read the queue's page in the panel and press its buttons, several of them on the same rows."""

import re
import threading
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser
from random import Random

from bench.exchanging.asking import Asker
from bench.exchanging.people import PASSWORD

QUEUE, LOGIN = "/admin/queue/", "/admin/login/"
BUTTON = re.compile(r"/admin/web/(?P<model>order|payment|refund)/(?P<row>[0-9a-f-]{36})/(?P<verb>[a-z]+)/")
WEIGHTS = {"process": 90, "cancel": 10, "complete": 85, "fail": 15, "confirm": 100, "approve": 90, "reject": 10}
"""The buttons that are pressed, and how often where a row has several."""
ROWS_AT_ONCE = 4
APPROVALS = 2  # of one refund: what fails for good is not sent for ever


def transfer_reference(row: str) -> str:
    """The bank's name of the transfer that an operator says to have made for a refund."""
    return f"TR-{row}"


@dataclass(slots=True)
class Form:
    """A form of the page; ``fields`` are its inputs with what stands in them."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class Forms(HTMLParser):
    """The forms of a page, in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[Form] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(Form(values.get("action", "")))
        elif tag in ("input", "textarea") and self.found and "name" in values:
            self.found[-1].fields[values["name"]] = values.get("value", "")


class Operator:
    def __init__(self, email: str, url: str, chance: Random) -> None:
        self.email = email
        self.url = url
        self.chance = chance
        self.asker = Asker([url], chance, "198.51.100.1")
        self._approved: Counter[str] = Counter()

    def log_in(self) -> None:
        page = self.asker.ask("log in", "GET", LOGIN).raise_for_status()
        (form,) = [form for form in Forms(page.text).found if "password" in form.fields]
        given = {**form.fields, "username": self.email, "password": PASSWORD}
        self.asker.ask("log in", "POST", LOGIN, data=given, headers={"Referer": self.url + LOGIN})

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            buttons = self._buttons()
            for row in self.chance.sample(sorted(buttons), min(ROWS_AT_ONCE, len(buttons))):
                self._work(row, buttons[row])
            stop.wait(self.chance.uniform(0.05, 0.3))

    def _buttons(self) -> dict[str, list[Form]]:
        """The forms of each row of the queue that is to be worked on, by the row's id."""
        page = self.asker.ask("queue", "GET", QUEUE)
        rows: dict[str, list[Form]] = {}
        for form in Forms(page.text).found:
            if (button := BUTTON.fullmatch(form.action)) and self._is_to_do(**button.groupdict()):
                rows.setdefault(button["row"], []).append(form)
        return rows

    def _is_to_do(self, model: str, row: str, verb: str) -> bool:
        if model == "payment":
            return uuid.UUID(row).int % 10 < 8  # of the other transfers no money ever comes
        return verb != "approve" or self._approved[row] < APPROVALS

    def _work(self, row: str, forms: list[Form]) -> None:
        verbs = [BUTTON.fullmatch(form.action)["verb"] for form in forms]  # type: ignore[index]
        ((form, verb),) = self.chance.choices(list(zip(forms, verbs, strict=True)), [WEIGHTS[verb] for verb in verbs])
        given = {**form.fields, "reason": "Seen at the bank."}
        if "received_at" in given:
            given["received_at"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
            (share,) = self.chance.choices(["1", "0.5", "1.1"], [76, 12, 12])
            given["amount"] = str((Decimal(given["amount"]) * Decimal(share)).quantize(Decimal("0.01")))
        if "reference" in given:
            given["reference"] = transfer_reference(row)
        # Not repeated where the connection breaks: the page tells whether it was done.
        told = self.asker.once(verb, "POST", self.url + form.action, data=given, headers={"Referer": self.url + QUEUE})
        if verb == "approve" and told is not None:
            self._approved[row] += 1
