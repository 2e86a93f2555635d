"""The rates that the web application shows to everybody, asked for over HTTP."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

import httpx
from django.conf import settings

from exchanger.kernel.money.pairs import Pair

T = TypeVar("T")
TIMEOUT = httpx.Timeout(3.0, connect=1.0)  # a person waits, and so do the later messages of the chat
MOST = 40


class RatesUnavailable(Exception):
    """The web application did not answer, or not as it should; the message says what happened, for the log."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How much of the pair's target one unit of its source buys, last said at ``confirmed_at``."""

    pair: Pair
    rate: Decimal
    confirmed_at: datetime
    valid_until: datetime | None


def find_rates() -> list[Rate]:
    """The stored rates in force now, the first MOST of them.

    Raises:
        RatesUnavailable
    """
    answer = _get("/api/v1/rates/", page_size=MOST)
    return _read(answer, lambda found: [_rate(each) for each in found["results"]])


def find_rate(pair: Pair) -> Rate | None:
    """The pair's rate in force now; None where there is none.

    Raises:
        RatesUnavailable
    """
    answer = _get(f"/api/v1/rates/{pair.code}/")
    return None if answer.status_code == httpx.codes.NOT_FOUND else _read(answer, _rate)


def _get(path: str, **parameters: int) -> httpx.Response:
    if not settings.WEB_INTERNAL_URL:
        raise RatesUnavailable("WEB_INTERNAL_URL is not set.")
    try:
        return _client().get(f"{settings.WEB_INTERNAL_URL}{path}", params=parameters)
    except httpx.HTTPError as error:
        raise RatesUnavailable(f"The web application does not answer: {error!r}") from error


def _read(answer: httpx.Response, read: Callable[[Any], T]) -> T:
    if answer.status_code != httpx.codes.OK:
        raise RatesUnavailable(f"The web application answered with {answer.status_code}.")
    try:
        return read(answer.json())
    except (ValueError, KeyError, TypeError, ArithmeticError) as error:
        raise RatesUnavailable(f"The web application's answer cannot be read: {error!r}") from error


def _rate(found: Mapping[str, Any]) -> Rate:
    return Rate(
        Pair.parse(f"{found['from_currency']}_{found['to_currency']}"),
        Decimal(found["rate"]),
        datetime.fromisoformat(found["confirmed_at"]),
        datetime.fromisoformat(found["valid_until"]) if found["valid_until"] else None,
    )


@cache
def _client() -> httpx.Client:
    """One for all threads. It comes from inside, where there is no TLS to be redirected to."""
    return httpx.Client(timeout=TIMEOUT, headers={"X-Forwarded-Proto": "https"}, trust_env=False)
