"""The National Bank of Ukraine: hryvnias for one unit of each currency, as JSON.

[{"r030": 840, "txt": "Долар США", "rate": 41.5234, "cc": "USD", "exchangedate": "23.11.2026"}, …]
"""

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NoReturn

from exchanger.kernel.money.currencies import UnknownCurrency, currency
from exchanger.kernel.money.pairs import Pair
from web.feeds.answers import Answer, Published, WrongAnswer, checked, complete


class NationalBankOfUkraine:
    name = "nbu"
    base = "UAH"
    content_types = frozenset({"application/json", "text/json"})

    def read(self, body: bytes) -> Answer:
        entries = _json(body)
        if not isinstance(entries, list):
            raise WrongAnswer("the answer is not a list of rates")
        rates: dict[Pair, Published] = {}
        days: set[date] = set()
        for entry in entries:
            code, rate, day = _entry(entry)
            try:
                pair = Pair(currency(code).code, self.base)
            except UnknownCurrency:
                continue  # gold, drawing rights: published too, and nobody is paid in them
            if pair in rates:
                raise WrongAnswer(f"{code} is there twice")
            rates[pair] = checked(rate, code)
            days.add(day)
        return complete(rates, days)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body, parse_float=Decimal, parse_int=Decimal, parse_constant=_no_number)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise WrongAnswer(f"the answer is not JSON ({type(error).__name__})") from error


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _entry(entry: Any) -> tuple[str, Decimal, date]:
    try:
        code, rate, day = entry["cc"], entry["rate"], entry["exchangedate"]
        published_for = datetime.strptime(day, "%d.%m.%Y").date()  # noqa: DTZ007  # a day has no zone
    except (KeyError, TypeError, ValueError) as error:
        raise WrongAnswer("an entry lacks its code, its rate or its day") from error
    if not (isinstance(code, str) and isinstance(rate, Decimal)):
        raise WrongAnswer("an entry's code is no text, or its rate no number")
    return code, rate, published_for
