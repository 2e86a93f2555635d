"""The European Central Bank: units of each currency for one euro, as XML (``eurofxref-daily.xml``).

<gesmes:Envelope …><Cube><Cube time="2026-11-20"><Cube currency="USD" rate="1.0823"/>…</Cube></Cube></gesmes:Envelope>
"""

from datetime import date
from decimal import Decimal, InvalidOperation
from xml.etree.ElementTree import Element, ParseError  # types only: the reading is defusedxml's

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from exchanger.kernel.money.currencies import UnknownCurrency, currency
from exchanger.kernel.money.pairs import Pair
from web.feeds.answers import Answer, Published, WrongAnswer, checked, complete

_CUBE = "{http://www.ecb.int/vocabulary/2002-08-01/eurofxref}Cube"


class EuropeanCentralBank:
    name = "ecb"
    base = "EUR"
    content_types = frozenset({"text/xml", "application/xml"})

    def read(self, body: bytes) -> Answer:
        day = _latest_day(_xml(body))
        rates: dict[Pair, Published] = {}
        for cube in day.findall(_CUBE):
            code, rate = cube.get("currency"), cube.get("rate")
            if code is None or rate is None:
                raise WrongAnswer("an entry lacks its currency or its rate")
            try:
                pair = Pair(self.base, currency(code).code)
            except UnknownCurrency:
                continue
            if pair in rates:
                raise WrongAnswer(f"{code} is there twice")
            rates[pair] = checked(_decimal(rate), code)
        return complete(rates, {_date(day)})


def _xml(body: bytes) -> Element:
    try:
        return fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise WrongAnswer(f"the answer is not XML that is safe to read ({type(error).__name__})") from error


def _latest_day(root: Element) -> Element:
    days = [cube for cube in root.iter(_CUBE) if cube.get("time") is not None]
    if not days:
        raise WrongAnswer("the answer names no day")
    return max(days, key=_date)  # the files of 90 days have the same form


def _date(day: Element) -> date:
    try:
        return date.fromisoformat(day.get("time", ""))
    except ValueError as error:
        raise WrongAnswer(f"the day is {day.get('time')!r}") from error


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise WrongAnswer(f"a rate is {text!r}") from error
