"""What the processor does: charges, refunds, and calls out what happened until it is heard."""

import logging
import secrets
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx

from exchanger.kernel.http import trusted
from exchanger.kernel.signing import sign
from exchanger.sandbox.books import Books
from exchanger.sandbox.cards import CARDS, Card, Refunds

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 5
LONGEST_WAIT_SECONDS = 3600
_SHOWN = ("id", "payment_id", "status", "amount", "currency", "received_at")


class Declined(Exception):
    """A refund is refused for good; ``status`` is what HTTP calls it."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


class Unanswered(Exception):
    """It was done, and the answer gets lost."""


class Processor:
    """``secret`` is the merchant's: it signs calls and checkout links, and opens the API."""

    def __init__(self, books: Books, secret: str) -> None:
        self.books = books
        self.secret = secret

    def charge(self, payment_id: str) -> dict[str, Any] | None:
        """A payment's charge as the merchant sees it."""
        found = self.books.charge(payment_id)
        return _shown(found) if found else None

    def pay(self, wanted: dict[str, str], card: Card) -> dict[str, Any]:
        """Charge a card for what a checkout link asks; a payment that succeeded is charged no second time.

        Raises:
            Unanswered: the card was charged.
        """
        with self.books.changing():
            charge = self.books.charge(wanted["payment_id"])
            if charge is not None and charge["status"] == "succeeded":
                return _shown(charge)
            declined = _charge(wanted, card, "declined")
            charge = declined if card.declined else _charge(wanted, card, "succeeded")
            self.books.keep_charge(charge)
            self._call_out(wanted["callback_url"], charge, card)
            if card.declined_first:
                self._call_out(wanted["callback_url"], declined, card)
        if not card.answered:
            raise Unanswered
        return _shown(charge)

    def refund(self, key: str, wanted: dict[str, str]) -> dict[str, Any]:
        """Send money back, once for each key. Only what was done is remembered: a refusal may be tried again.

        Raises:
            Declined, Unanswered
        """
        with self.books.changing():
            known = self.books.refund(key)
            if known is not None:
                if any(known[name] != wanted[name] for name in ("payment_id", "amount", "currency")):
                    raise Declined(409, "key_used_for_another_refund")
                return known
            refund, card = self._new_refund(wanted)
            self.books.keep_refund(key, refund)
        if card.refunds is Refunds.UNANSWERED:
            raise Unanswered
        return refund

    def deliver(self, until: float | None = None) -> int:
        """Make the calls that are due now, or at ``until`` (seconds since 1970); how many were accepted."""
        accepted = 0
        for number, url, body, attempts in self.books.calls(time.time() if until is None else until):
            if self._heard(url, body.encode()):
                self.books.made(number)
                accepted += 1
            else:
                self.books.put_off(number, time.time() + min(2 ** min(attempts, 16), LONGEST_WAIT_SECONDS))
        return accepted

    def _new_refund(self, wanted: dict[str, str]) -> tuple[dict[str, Any], Card]:
        charge = self.books.charge(wanted["payment_id"])
        if charge is None or charge["status"] != "succeeded":
            raise Declined(404, "no_such_charge")
        card = CARDS[charge["card"]]
        if card.refunds is Refunds.REFUSED:
            raise Declined(422, "refunds_refused")
        if Decimal(wanted["amount"]) <= 0:
            raise Declined(422, "nothing_to_refund")
        gone = sum(Decimal(refund["amount"]) for refund in self.books.refunds(wanted["payment_id"]))
        if wanted["currency"] != charge["currency"] or gone + Decimal(wanted["amount"]) > Decimal(charge["amount"]):
            raise Declined(422, "more_than_was_charged")
        return {"id": f"re_{secrets.token_hex(12)}", "status": "succeeded", **wanted}, card

    def _call_out(self, url: str, charge: dict[str, Any], card: Card) -> None:
        event = {"id": f"evt_{secrets.token_hex(12)}", "type": f"charge.{charge['status']}", "charge": _shown(charge)}
        for _ in range(card.calls):
            self.books.add_call(url, event, time.time() + card.delay)

    def _heard(self, url: str, body: bytes) -> bool:
        timestamp = str(int(time.time()))
        signature = sign(body, secret=self.secret, timestamp=timestamp)
        headers = {"Content-Type": "application/json", "X-Timestamp": timestamp, "X-Signature": signature}
        try:
            answer = httpx.post(url, content=body, headers=headers, timeout=TIMEOUT_SECONDS, verify=trusted())
        except httpx.HTTPError as error:
            logger.warning("No answer from %s: %r", url, error)
            return False
        if not answer.is_success:
            logger.warning("%s answered %d", url, answer.status_code)
        return answer.is_success


def _charge(wanted: dict[str, str], card: Card, status: str) -> dict[str, Any]:
    asked = Decimal(wanted["amount"])
    return {
        "id": f"ch_{secrets.token_hex(12)}",
        "payment_id": wanted["payment_id"],
        "status": status,
        "amount": str((asked * card.share).quantize(asked)),
        "currency": wanted["currency"],
        "received_at": datetime.now(UTC).isoformat() if status == "succeeded" else None,
        "card": card.number,
    }


def _shown(charge: dict[str, Any]) -> dict[str, Any]:
    return {name: charge[name] for name in _SHOWN}
