"""Web's API as the bot uses it: for everybody, and for a linked client by a token for each request alone
(``exchanger.kernel.acting``).

Amounts and rates are Decimal, times are aware UTC. What web refuses is ``WebRefused``, with web's own code; what it
does not answer is ``WebDown``, and nobody knows then whether a change was made: the same call with the same idempotency
key finds out. (``in_flight`` says that the first one is still running: ask again after ``retry_after``.)
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import urlencode
from uuid import UUID

import httpx
from django.conf import settings

from bot.web_answers import Offer, Order, Page, Payment, Quote, Rate, WebRefused
from exchanger.kernel.acting import KEY_HEADER, SCHEME, ActingToken, Call
from exchanger.kernel.cache.codec import encode
from exchanger.kernel.http import trusted
from exchanger.kernel.money.pairs import Pair

logger = logging.getLogger(__name__)

T = TypeVar("T")
API: Final = "/api/v1"
NOT_LINKED: Final = "not_linked"  # the person has unlinked the account since
CLOSED: Final = frozenset({"maintenance", "not_configured", "rate_missing", "rate_stale"})
"""Codes of 503 by which web says no; by any other it says that it cannot answer."""

# Seconds. A person waits, and so do the later messages of the chat and the transaction in which this one is handled:
# PostgreSQL ends it after 15 idle ones.
TIMEOUT = httpx.Timeout(3.0, connect=1.0)
MOST_RATES: Final = 40


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
        address = base_url or settings.WEB_INTERNAL_URL
        self._http = httpx.Client(base_url=address, timeout=TIMEOUT, headers=headers, trust_env=False, verify=trusted())

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def offer(self) -> Offer:
        """What is on offer now, at which terms, for everybody."""
        return self._ask(Offer.of, None, "GET", "/pairs/")

    def rates(self) -> tuple[Rate, ...]:
        """The market's stored rates in force now, the first MOST_RATES of them, for everybody."""
        return self._ask(_page_of(Rate.of), None, "GET", f"/rates/?page_size={MOST_RATES}").items

    def rate_get(self, pair: Pair) -> Rate | None:
        """The market's rate of a pair in force now; None where there is none."""
        try:
            return self._ask(Rate.of, None, "GET", f"/rates/{pair.code}/")
        except WebRefused as refused:
            if refused.status == httpx.codes.NOT_FOUND:
                return None
            raise

    def quote_create(
        self, who: Acting, *, pair: str, from_amount: Decimal | None = None, to_amount: Decimal | None = None
    ) -> Quote:
        """A firm offer, from either side: the amount to give, or the amount to get. ``pair`` is as ``usd_uah``."""
        amounts = {"from_amount": from_amount, "to_amount": to_amount}
        asked = {name: amount for name, amount in amounts.items() if amount is not None}
        return self._ask(Quote.of, who, "POST", "/quotes/", {"pair": pair, **asked})

    def order_create(self, who: Acting, *, quote_id: UUID, idempotency_key: str) -> Order:
        """Order at a quote's terms; the same key, sent again, gets the first answer and orders nothing."""
        return self._ask(Order.of, who, "POST", "/orders/", {"quote_id": quote_id}, key=idempotency_key)

    def order_list(self, who: Acting, *, cursor: str = "", page_size: int = 10, status: str = "") -> Page[Order]:
        """The person's orders, newest first, from ``Page.cursor`` of the page before on."""
        wanted = {"page_size": page_size, "cursor": cursor, "status": status}
        query = urlencode({name: value for name, value in wanted.items() if value})
        return self._ask(_page_of(Order.of), who, "GET", f"/orders/?{query}")

    def order_get(self, who: Acting, *, order_id: UUID) -> Order:
        return self._ask(Order.of, who, "GET", f"/orders/{order_id}/")

    def order_cancel(self, who: Acting, *, order_id: UUID) -> Order:
        """Cancel an order that is not paid yet; to do it twice changes nothing."""
        return self._ask(Order.of, who, "POST", f"/orders/{order_id}/cancel/", repeats=True)

    def payment_start(self, who: Acting, *, order_id: UUID, payment_method: str, idempotency_key: str) -> Payment:
        """Begin to pay an order: ``instructions`` say how."""
        body = {"payment_method": payment_method}
        return self._ask(Payment.of, who, "POST", f"/orders/{order_id}/payments/", body, key=idempotency_key)

    def payment_list(self, who: Acting, *, order_id: UUID) -> Page[Payment]:
        """The payments of an order, newest first."""
        return self._ask(_page_of(Payment.of), who, "GET", f"/orders/{order_id}/payments/")

    def _ask(
        self,
        read: Callable[[Any], T],
        who: Acting | None,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        key: str = "",
        repeats: bool = False,
    ) -> T:
        """What ``read`` makes of the answer. A lost connection is tried once more where that does nothing twice.

        Such are reads, what has a key, and what ``repeats`` harmlessly. A time-out is not: the person has waited long.
        """
        tries = 2 if method == "GET" or key or repeats else 1
        while True:
            tries -= 1
            try:
                said = _understood(self._send(who, method, path, body, key))
                break
            except httpx.TransportError as error:
                if not tries or isinstance(error, httpx.TimeoutException):
                    raise WebDown(f"{method} {path}: {error!r}") from error
        try:
            return read(said)
        except (ValueError, KeyError, TypeError, ArithmeticError, AttributeError) as error:
            raise WebDown(f"{method} {path}: the answer cannot be read: {error!r}") from error

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


def web() -> WebAPI:
    """The process's one client of web, for all of its threads."""
    return _shared(settings.WEB_INTERNAL_URL)


@cache
def _shared(base_url: str) -> WebAPI:
    return WebAPI(base_url)


def _page_of(item: Callable[[dict[str, Any]], T]) -> Callable[[Any], Page[T]]:
    return lambda said: Page.of(said, item)


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
    if not known or not (answer.is_client_error or said["code"] in CLOSED):
        raise WebDown(f"{answer.request.method} {answer.request.url.path}: HTTP {answer.status_code}")
    raise WebRefused(
        said["code"],
        said["message"],
        status=answer.status_code,
        details=said["details"] if isinstance(said["details"], dict) else {},
        retry_after=int(answer.headers.get("Retry-After", "0")) or None,
    )
