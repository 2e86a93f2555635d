"""The bot acts for a linked client: the telegram side's client and a real web process, over real HTTP."""

import socket
import threading
import time
from dataclasses import replace
from decimal import Decimal

import httpx
import pytest
from django.test import override_settings

import bot.web_api
from bot.web_answers import WebRefused
from bot.web_api import Acting, WebAPI, WebDown
from exchanger.kernel.acting import ActingToken, Call
from exchanger.kernel.contexts import Context
from exchanger.testing.processes import ApplicationProcess
from exchanger.testing.proxy import FaultyProxy, answer_lost, broken, refused
from identity.services.telegram_links import link_code_create, link_confirm, telegram_unlink
from identity.tests.factories import UserFactory
from web.tests.factories import ExchangeRateFactory, OrderFactory, PublishedConfigurationFactory, QuoteFactory

pytestmark = pytest.mark.context("telegram")
CHAT = 5001
ORDERS = "/api/v1/orders/"


@pytest.fixture
def web(processes):
    return processes[Context.WEB]


@pytest.fixture
def market(world):
    """What the web application needs to exchange; gives the rate."""
    account = {"recipient": "Exchanger LLC", "iban": "UA903052992990004149123456789", "bank": "PrivatBank"}
    PublishedConfigurationFactory(changes={"bank_accounts": {"USD": account}})
    return ExchangeRateFactory()


@pytest.fixture
def anna(world):
    return UserFactory(profile__telegram_user_id=CHAT)


@pytest.fixture
def who(anna):
    return Acting(anna.pk, CHAT)


@pytest.fixture
def api(web):
    with WebAPI(web.url) as api:
        yield api


@pytest.fixture
def proxy(web):
    proxy = FaultyProxy(web.url)
    yield proxy
    proxy.close()


def orders(world):
    return world.superuser("web").execute("SELECT count(*) FROM orders").fetchone()[0]


def signed(who, method, path, body=b"", *, key="", age=0, settings):
    token = ActingToken.make(user_id=who.user_id, telegram_user_id=who.telegram_user_id)
    text = token.sign(Call(method, path, body, key), secret=settings.ACTING_SECRET, now=time.time() - age)
    return {
        "Authorization": f"Bot {text}",
        "Content-Type": "application/json",
        **({"Idempotency-Key": key} if key else {}),
    }


def test_from_the_offer_to_a_cancelled_order(api, who, market, world):
    offer = api.offer()
    pair = next(pair for pair in offer.pairs if pair.pair == "usd_uah")
    assert (pair.minimum, pair.maximum, pair.rate) == (Decimal(20), Decimal(10000), Decimal("41.2925"))
    quote = api.quote_create(who, pair="usd_uah", from_amount=Decimal("100.00"))
    assert (quote.from_amount, quote.to_amount, quote.fee) == (Decimal(100), Decimal("4116.86"), Decimal("12.39"))
    order = api.order_create(who, quote_id=quote.id, idempotency_key="chat-1")
    assert (order.status, order.from_amount, order.to_amount) == ("pending", quote.from_amount, quote.to_amount)
    assert order.expires_at == quote.expires_at
    assert api.order_create(who, quote_id=quote.id, idempotency_key="chat-1") == order
    assert orders(world) == 1
    payment = api.payment_start(who, order_id=order.id, payment_method="bank_transfer", idempotency_key="chat-2")
    assert (payment.order_id, payment.amount, payment.currency) == (order.id, Decimal(100), "USD")
    assert "iban" in payment.instructions
    assert api.payment_list(who, order_id=order.id).items == (payment,)
    assert api.order_get(who, order_id=order.id) == order
    cancelled = api.order_cancel(who, order_id=order.id)
    assert cancelled.status == "cancelled"
    assert api.order_cancel(who, order_id=order.id) == cancelled
    assert world.superuser("identity").execute("SELECT count(*) FROM sessions").fetchone() == (0,)


def test_a_list_goes_on_from_its_cursor(api, who, anna):
    made = [OrderFactory(user_id=anna.pk).pk for _ in range(5)]
    OrderFactory()
    first = api.order_list(who, page_size=3)
    second = api.order_list(who, page_size=3, cursor=first.cursor)
    assert [order.id for order in (*first.items, *second.items)] == made[::-1]
    assert (bool(first.cursor), second.cursor) == (True, "")
    assert api.order_list(who, status="completed").items == ()


def test_what_web_refuses_says_why(api, who, market, world):
    stranger = QuoteFactory(rate_id=market.pk)
    with pytest.raises(WebRefused) as found:
        api.order_create(who, quote_id=stranger.pk, idempotency_key="chat-1")
    assert (found.value.code, found.value.status) == ("not_found", 404)
    with pytest.raises(WebRefused) as found:
        api.quote_create(who, pair="usd_uah", from_amount=Decimal(1))
    assert (found.value.code, found.value.status) == ("amount_too_small", 400)
    assert found.value.message
    assert found.value.details
    assert orders(world) == 0


def test_who_unlinks_in_web_is_not_acted_for_from_that_moment(api, market, world, as_context):
    boris = UserFactory()
    with as_context("web"):
        code = link_code_create(user_id=boris.pk).code
    link_confirm(code=code, telegram_user_id=CHAT)
    who = Acting(boris.pk, CHAT)
    quote = api.quote_create(who, pair="usd_uah", from_amount=Decimal("100.00"))
    with as_context("web"):
        assert telegram_unlink(user_id=boris.pk)
    with pytest.raises(WebRefused) as found:
        api.order_create(who, quote_id=quote.id, idempotency_key="chat-1")
    assert (found.value.code, found.value.status, orders(world)) == ("not_linked", 401, 0)


def test_the_bot_acts_for_nobody_but_the_owner_of_the_account_that_writes(api, who, world, market):
    boris = UserFactory(profile__telegram_user_id=CHAT + 1)
    quote = QuoteFactory(user_id=boris.pk, rate_id=market.pk)
    for mixed in (replace(who, user_id=boris.pk), replace(who, telegram_user_id=CHAT + 1)):
        with pytest.raises(WebRefused) as found:
            api.order_create(mixed, quote_id=quote.pk, idempotency_key="chat-1")
        assert found.value.code == "not_linked"
    assert orders(world) == 0


def test_on_the_wire_a_token_is_good_for_its_own_request_once_and_for_a_minute(web, who, anna, market, world, settings):
    body = b'{"quote_id":"%s"}' % str(QuoteFactory(user_id=anna.pk, rate_id=market.pk).pk).encode()
    other = b'{"quote_id":"%s"}' % str(QuoteFactory(user_id=anna.pk, rate_id=market.pk).pk).encode()
    good = signed(who, "POST", ORDERS, body, key="chat-1", settings=settings)
    with web.client() as client:
        for method, path, content, headers in (
            ("POST", ORDERS, other, good),
            ("POST", ORDERS + "?", body + b" ", good),
            ("POST", "/api/v1/quotes/", body, good),
            ("GET", ORDERS, None, good),
            ("POST", ORDERS, body, good | {"Idempotency-Key": "chat-2"}),
            ("POST", ORDERS, body, signed(who, "POST", ORDERS, body, key="chat-1", age=62, settings=settings)),
            ("GET", "/api/v1/auth/me", None, signed(who, "GET", "/api/v1/auth/me", settings=settings)),
            (
                "DELETE",
                "/api/v1/auth/telegram",
                None,
                signed(who, "DELETE", "/api/v1/auth/telegram", settings=settings),
            ),
        ):
            answer = client.request(method, path, content=content, headers=headers)
            assert (answer.status_code, orders(world)) == (401, 0), (method, path)
            assert set(answer.json()) == {"code", "message", "details"}
        assert client.post(ORDERS, content=body, headers=good).status_code == 201
        for _ in range(2):
            assert client.post(ORDERS, content=body, headers=good).status_code == 401
    assert orders(world) == 1


def test_a_token_is_used_up_for_all_of_webs_processes(web, who, world, settings):
    log = world.paths.logs / "acting-web.log"
    second = ApplicationProcess(Context.WEB, world.environments, log)
    try:
        headers = signed(who, "GET", ORDERS, settings=settings)
        found, start = [], threading.Barrier(8)

        def ask(url):
            start.wait()
            found.append(httpx.get(url + ORDERS, headers=headers, timeout=60).status_code)

        threads = [threading.Thread(target=ask, args=(url,)) for url in (web.url, second.url) * 4]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        second.stop()
    assert sorted(found) == [200] + [401] * 7


def test_a_bot_that_web_does_not_believe_is_told_to_try_later_and_its_owner_why(api, who, world, market, caplog):
    with override_settings(ACTING_SECRET="x" * 50), pytest.raises(WebDown):
        api.quote_create(who, pair="usd_uah", from_amount=Decimal("100.00"))
    assert "ACTING_SECRET" in caplog.text
    assert world.superuser("web").execute("SELECT count(*) FROM quotes").fetchone() == (0,)


def test_an_order_whose_answer_is_lost_is_asked_for_again_and_made_once(proxy, who, anna, market, world):
    quote = QuoteFactory(user_id=anna.pk, rate_id=market.pk)
    proxy.faults.append(answer_lost)
    with WebAPI(proxy.url) as api:
        order = api.order_create(who, quote_id=quote.pk, idempotency_key="chat-1")
    assert len(proxy.sent) == 2
    assert world.superuser("web").execute("SELECT id FROM orders").fetchall() == [(order.id,)]


def test_what_could_be_done_twice_is_not_tried_twice(proxy, who, market):
    proxy.faults.append(refused)
    with WebAPI(proxy.url) as api, pytest.raises(WebDown):
        api.quote_create(who, pair="usd_uah", from_amount=Decimal("100.00"))
    assert len(proxy.sent) == 1


@pytest.mark.parametrize("fault", [refused, broken])
def test_web_that_loses_or_breaks_every_answer_is_down_and_has_done_nothing(proxy, who, anna, market, world, fault):
    quote = QuoteFactory(user_id=anna.pk, rate_id=market.pk)
    proxy.faults.extend([fault] * 3)
    with WebAPI(proxy.url) as api, pytest.raises(WebDown):
        api.order_create(who, quote_id=quote.pk, idempotency_key="chat-1")
    assert (len(proxy.sent), orders(world)) == (2 if fault is refused else 1, 0)


def test_web_that_is_not_there_is_down(who):
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        with WebAPI(f"http://127.0.0.1:{taken.getsockname()[1]}") as api:
            for attempt in (api.rates, api.offer, lambda: api.order_list(who)):
                with pytest.raises(WebDown):
                    attempt()


def test_web_that_does_not_answer_in_time_is_down_and_not_asked_again(who, monkeypatch):
    monkeypatch.setattr(bot.web_api, "TIMEOUT", httpx.Timeout(0.2))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with WebAPI(f"http://127.0.0.1:{silent.getsockname()[1]}") as api, pytest.raises(WebDown):
            api.order_list(who)
        silent.accept()[0].close()
        silent.settimeout(0.05)
        with pytest.raises(TimeoutError):
            silent.accept()


def test_a_web_process_that_tells_browsers_to_take_https_answers_the_bot(who, world):
    log = world.paths.logs / "acting-https.log"
    extra = {"SECURE_COOKIES": "true", "BEHIND_TLS_PROXY": "true"}
    web = ApplicationProcess(Context.WEB, world.environments, log, extra=extra)
    try:
        assert httpx.get(web.url + ORDERS).status_code == 301
        with WebAPI(web.url) as api:
            assert api.order_list(who).items == ()
    finally:
        web.stop()
