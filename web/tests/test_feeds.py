"""What providers publish: the formats of two central banks read, and everything else refused; real HTTP beneath."""

import json
from datetime import date
from decimal import Decimal

import pytest

from exchanger.kernel.money.pairs import Pair
from web.feeds import download as module
from web.feeds.answers import WrongAnswer
from web.feeds.download import ATTEMPTS, Unreachable, download
from web.feeds.ecb import EuropeanCentralBank
from web.feeds.nbu import NationalBankOfUkraine
from web.tests.bank import KINDS, RECORDED, bank, body, half, hang_up, recorded, silent, trickle

NBU, ECB = NationalBankOfUkraine(), EuropeanCentralBank()
USD = {"r030": 840, "txt": "Долар США", "rate": 42.1873, "cc": "USD", "exchangedate": "23.11.2026"}
CUBE = '<Envelope xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref"><Cube>{}</Cube></Envelope>'
DAY = '<Cube time="2026-11-20">{}</Cube>'


def test_the_national_banks_json():
    answer = NBU.read((RECORDED / "nbu.json").read_bytes())
    assert answer.published_for == date(2026, 11, 23)
    rates = {pair.title: published.rate for pair, published in answer.rates.items()}
    assert rates["USD/UAH"] == Decimal("42.1873")
    assert rates["JPY/UAH"] == Decimal("0.27021")
    assert "XAU/UAH" not in rates
    assert "XDR/UAH" not in rates
    assert len(rates) == 9


def test_the_european_central_banks_xml():
    answer = ECB.read((RECORDED / "ecb.xml").read_bytes())
    assert answer.published_for == date(2026, 11, 20)
    assert answer.rates[Pair("EUR", "GBP")].rate == Decimal("0.87950")
    assert len(answer.rates) == 10


def test_of_many_days_the_latest_counts():
    older, newer = '<Cube currency="USD" rate="1.1"/>', '<Cube currency="USD" rate="1.2"/>'
    days = DAY.format(older) + DAY.replace("-20", "-23").format(newer)
    answer = ECB.read(CUBE.format(days).encode())
    assert (answer.published_for, answer.rates[Pair("EUR", "USD")].rate) == (date(2026, 11, 23), Decimal("1.2"))


def test_the_oldest_day_of_an_answer_is_its_day():
    old = USD | {"cc": "EUR", "exchangedate": "01.11.2026"}
    assert NBU.read(json.dumps([USD, old]).encode()).published_for == date(2026, 11, 1)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[",
        b"\xff\xfe",
        b"null",
        b"{}",
        b"[]",
        b"[1]",
        b"[null]",
        b'{"message": "Wrong parameters format"}',
        b"<html>maintenance</html>",
        b"[" * 100_000,
        json.dumps([USD | {"rate": None}]).encode(),
        json.dumps([USD | {"rate": "42.1"}]).encode(),
        json.dumps([USD | {"rate": True}]).encode(),
        json.dumps([USD | {"rate": 0}]).encode(),
        json.dumps([USD | {"rate": -42.1}]).encode(),
        json.dumps([USD | {"rate": 1e300}]).encode(),
        json.dumps([USD | {"rate": 1e-300}]).encode(),
        b'[{"rate": 1e99999999999999999999}]',
        json.dumps([USD | {"rate": float("nan")}]).encode(),
        json.dumps([USD | {"rate": float("inf")}]).encode(),
        json.dumps([USD | {"cc": 840}]).encode(),
        json.dumps([USD | {"exchangedate": "2026-11-23"}]).encode(),
        json.dumps([USD | {"exchangedate": None}]).encode(),
        json.dumps([USD, USD]).encode(),
        json.dumps([{key: value for key, value in USD.items() if key != "rate"}]).encode(),
    ],
    ids=lambda content: content[:60].decode(errors="replace"),
)
def test_what_is_not_the_national_banks_format_is_refused(content):
    with pytest.raises(WrongAnswer):
        NBU.read(content)


BOMB = '<!DOCTYPE x [<!ENTITY a "1.1"><!ENTITY b "&a;&a;">]>'
FILE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize(
    "content",
    [
        "",
        "<Envelope>",
        "{}",
        CUBE.format(""),
        CUBE.format(DAY.format("")),
        CUBE.format('<Cube time="yesterday"><Cube currency="USD" rate="1.1"/></Cube>'),
        CUBE.format(DAY.format('<Cube currency="USD"/>')),
        CUBE.format(DAY.format('<Cube rate="1.1"/>')),
        CUBE.format(DAY.format('<Cube currency="USD" rate="one"/>')),
        CUBE.format(DAY.format('<Cube currency="USD" rate="NaN"/>')),
        CUBE.format(DAY.format('<Cube currency="USD" rate="0"/>')),
        CUBE.format(DAY.format('<Cube currency="USD" rate="1e99"/>')),
        CUBE.format(DAY.format('<Cube currency="USD" rate="1.1"/><Cube currency="USD" rate="1.2"/>')),
        BOMB + CUBE.format(DAY.format('<Cube currency="USD" rate="&b;"/>')),
        FILE + CUBE.format(DAY.format('<Cube currency="USD" rate="&a;"/>')),
    ],
)
def test_what_is_not_the_european_format_is_refused(content):
    with pytest.raises(WrongAnswer):
        ECB.read(content.encode())


# --- Over HTTP -------------------------------------------------------------------------------------------------------


@pytest.fixture
def server():
    with bank() as running:
        yield running


def get(url, timeout=5.0):
    return download(url, content_types=NBU.content_types, timeout=timeout, pause=0.001)


def test_an_answer_is_fetched_whole(server):
    assert get(server.url("/nbu", recorded("nbu.json"))) == (RECORDED / "nbu.json").read_bytes()
    assert server.asked == ["/nbu"]


@pytest.mark.parametrize("bad", [body(b"", status=500), body(b"", status=503), body(b"", status=429), hang_up])
def test_a_passing_failure_is_asked_again(server, bad):
    assert get(server.url("/nbu", bad, bad, body(b"[]"))) == b"[]"
    assert len(server.asked) == 3


@pytest.mark.parametrize("bad", [body(b"", status=502), hang_up, body(b"[{", length=100)])
def test_a_failure_that_stays_is_given_up(server, bad):
    with pytest.raises(Unreachable):
        get(server.url("/nbu", bad))
    assert len(server.asked) == ATTEMPTS


@pytest.mark.parametrize("slow", [silent, half, trickle])
def test_a_slow_answer_is_not_waited_for(server, slow):
    with pytest.raises(Unreachable):
        get(server.url("/nbu", slow), timeout=0.2)
    assert len(server.asked) == ATTEMPTS


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (body(b"[]", "text/html"), "content of type text/html"),
        (body(b"[]", ""), "content of type none"),
        (body(b"", status=404), "status 404"),
        (body(b"", status=302), "status 302"),
        (body(b"", status=204), "status 204"),
    ],
)
def test_another_answer_is_wrong_and_not_asked_again(server, bad, why):
    with pytest.raises(WrongAnswer, match=why):
        get(server.url("/nbu", bad))
    assert len(server.asked) == 1


def test_too_much_is_not_read_to_its_end(server, monkeypatch):
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    with pytest.raises(WrongAnswer, match="more than 1000 bytes"):
        get(server.url("/nbu", body(b" " * 100_000)))
    assert get(server.url("/nbu", body(b" " * 1000))) == b" " * 1000


def test_nobody_there_is_unreachable(server):
    url = server.url("/nbu", recorded("nbu.json"))
    free = url.replace(f":{server.server_address[1]}", ":1")
    with pytest.raises(Unreachable):
        get(free)


def test_xml_is_fetched_as_xml(server):
    url = server.url("/ecb", recorded("ecb.xml"))
    assert download(url, content_types=ECB.content_types, timeout=5).startswith(b"<?xml")
    assert KINDS["xml"] in ECB.content_types
