"""Web's API as the bot uses it for a linked client: each request with a token of its own (``exchanger.kernel.acting``).

Amounts and rates are Decimal, times are aware UTC. What web refuses is ``WebRefused``, with web's own code; what it
does not answer is ``WebDown``, and nobody knows then whether a change was made: the same call with the same idempotency
key finds out. (``in_flight`` says that the first one is still running: ask again after ``retry_after``.)
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode
from uuid import UUID

import httpx
from django.conf import settings

from bot.web_answers import Offer, Order, Page, Payment, Quote, WebRefused
from exchanger.kernel.acting import KEY_HEADER, SCHEME, ActingToken, Call
from exchanger.kernel.cache.codec import encode

logger = logging.getLogger(__name__)

API = "/api/v1"
NOT_LINKED = "not_linked"  # the person has unlinked the account since
TIMEOUT = httpx.Timeout(10.0, connect=2.0)  # seconds; a client waits in the chat


class WebDown(RuntimeError):
    """Web does not answer, or not as it should, or does not believe the bot: tell the person to try again later."""


@dataclass(frozen=True, slots=True)
class Acting:
    """For whom the bot acts, and through which Telegram account; web checks that the two are linked."""

    user_id: UUID
    telegram_user_id: int


class WebAPI:
    """A client of web's API, for any number of threads. Close it, or use it as a context manager.

    Raises, from every method:
        WebDown: web did not answer in time, answered 5xx, or took the bot for somebody else.
        WebRefused: it answered that it will not; ``code``, ``message``, ``details`` and ``status`` are web's. The code
            is ``NOT_LINKED`` where the person has unlinked the account.
    """

    def __init__(self, base_url: str | None = None) -> None:
        # The call comes from inside, where no proxy ends TLS before web: it says so itself, lest web redirect it.
        headers = {"X-Forwarded-Proto": "https"}
        self._http = httpx.Client(base_url=base_url or settings.WEB_INTERNAL_URL, timeout=TIMEOUT, headers=headers)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def rates(self) -> Offer:
        """What is on offer now, for everybody."""
        return Offer.of(self._ask(None, "GET", "/pairs/"))

    def quote_create(
        self, who: Acting, *, pair: str, from_amount: Decimal | None = None, to_amount: Decimal | None = None
    ) -> Quote:
        """A firm offer, from either side: the amount to give, or the amount to get. ``pair`` is as ``usd_uah``."""
        amounts = {"from_amount": from_amount, "to_amount": to_amount}
        asked = {name: amount for name, amount in amounts.items() if amount is not None}
        return Quote.of(self._ask(who, "POST", "/quotes/", {"pair": pair, **asked}))

    def order_create(self, who: Acting, *, quote_id: UUID, idempotency_key: str) -> Order:
        """Order at a quote's terms; the same key, sent again, gets the first answer and orders nothing."""
        return Order.of(self._ask(who, "POST", "/orders/", {"quote_id": quote_id}, key=idempotency_key))

    def order_list(self, who: Acting, *, cursor: str = "", page_size: int = 10, status: str = "") -> Page[Order]:
        """The person's orders, newest first, from ``Page.cursor`` of the page before on."""
        wanted = {"page_size": page_size, "cursor": cursor, "status": status}
        query = urlencode({name: value for name, value in wanted.items() if value})
        return Page.of(self._ask(who, "GET", f"/orders/?{query}"), Order.of)

    def order_get(self, who: Acting, *, order_id: UUID) -> Order:
        return Order.of(self._ask(who, "GET", f"/orders/{order_id}/"))

    def order_cancel(self, who: Acting, *, order_id: UUID) -> Order:
        """Cancel an order that is not paid yet; to do it twice changes nothing."""
        return Order.of(self._ask(who, "POST", f"/orders/{order_id}/cancel/", repeats=True))

    def payment_start(self, who: Acting, *, order_id: UUID, payment_method: str, idempotency_key: str) -> Payment:
        """Begin to pay an order: ``instructions`` say how."""
        body = {"payment_method": payment_method}
        return Payment.of(self._ask(who, "POST", f"/orders/{order_id}/payments/", body, key=idempotency_key))

    def payment_list(self, who: Acting, *, order_id: UUID) -> Page[Payment]:
        """The payments of an order, newest first."""
        return Page.of(self._ask(who, "GET", f"/orders/{order_id}/payments/"), Payment.of)

    def _ask(
        self,
        who: Acting | None,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        key: str = "",
        repeats: bool = False,
    ) -> Any:
        """The answer's JSON. A lost connection is tried once more where that does nothing twice.

        Such are reads, what has a key, and what ``repeats`` harmlessly. A time-out is not: the person has waited long.
        """
        tries = 2 if method == "GET" or key or repeats else 1
        while True:
            tries -= 1
            try:
                return _understood(self._send(who, method, path, body, key))
            except httpx.TransportError as error:
                if not tries or isinstance(error, httpx.TimeoutException):
                    raise WebDown(f"{method} {path}: {error!r}") from error

    def _send(
        self, who: Acting | None, method: str, path: str, body: Mapping[str, object] | None, key: str
    ) -> httpx.Response:
        """Each attempt has a token of its own: the former one may have been used up."""
        content = None if body is None else encode(body)
        request = self._http.build_request(method, API + path, content=content)
        if body is not None:
            request.headers["Content-Type"] = "application/json"
        if key:
            request.headers[KEY_HEADER] = key
        if who is not None:
            token = ActingToken.make(user_id=who.user_id, telegram_user_id=who.telegram_user_id)
            call = Call(method, request.url.raw_path.decode(), content or b"", key)
            request.headers["Authorization"] = f"{SCHEME} {token.sign(call, secret=settings.ACTING_SECRET)}"
        return self._http.send(request)


def _understood(answer: httpx.Response) -> Any:
    try:
        said = answer.json()
    except ValueError:
        said = None
    if answer.is_success and said is not None:
        return said
    known = isinstance(said, dict) and {"code", "message", "details"} <= said.keys()
    if known and answer.status_code == httpx.codes.UNAUTHORIZED and said["code"] != NOT_LINKED:
        logger.error(
            "Web does not believe the bot: both need the same ACTING_SECRET and the time (%s)", said["message"]
        )
        known = False
    if not known or not answer.is_client_error:
        raise WebDown(f"{answer.request.method} {answer.request.url.path}: HTTP {answer.status_code}")
    raise WebRefused(
        said["code"],
        said["message"],
        status=answer.status_code,
        details=said["details"] if isinstance(said["details"], dict) else {},
        retry_after=int(answer.headers.get("Retry-After", "0")) or None,
    )
