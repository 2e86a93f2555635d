"""Web lets the bot do for a linked client what its views open to it, once per token, and nothing else for anybody."""

import json
import re
import time
import uuid

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client
from django.urls import URLPattern, get_resolver

from exchanger.kernel.acting import ActingToken, Call
from exchanger.testing.outages import frozen_redis
from identity.services.sessions import session_open
from identity.tests.factories import UserFactory
from web.services.acting import KEEP, token_use, tokens_purge
from web.tests.factories import ExchangeRateFactory, OrderFactory, QuoteFactory
from web.tests.ordering import NOTHING, together, traces

pytestmark = pytest.mark.context("web")
TELEGRAM_ID = 5001
ORDERS = "/api/v1/orders/"

OPEN = {  # said a second time: what the bot may do, and no more
    ("GET", "orders/"), ("POST", "orders/"), ("GET", "orders/{id}/"), ("POST", "orders/{id}/cancel/"),
    ("GET", "orders/{id}/payments/"), ("POST", "orders/{id}/payments/"),
    ("POST", "quotes/"), ("GET", "quotes/{id}/"),
    ("GET", "payments/"), ("GET", "payments/{id}/"),
    ("GET", "transactions/"), ("GET", "balances/"),
}  # fmt: skip
PUBLIC = {"rates/", "rates/{id}/", "rates/{id}/history/", "pairs/", "payments/webhooks/card/"}
PUBLIC |= {"auth/register", "auth/login", "auth/email/verify", "auth/email/resend"}
PUBLIC |= {"auth/password/reset", "auth/password/reset/confirm"}


@pytest.fixture
def anna():
    return UserFactory(profile__telegram_user_id=TELEGRAM_ID)


def headers(user, method, path, body=b"", *, key="", telegram=TELEGRAM_ID, secret=None, age=0):
    token = ActingToken.make(user_id=user.pk, telegram_user_id=telegram)
    call = Call(method, path, body, key)
    text = token.sign(call, secret=secret or settings.ACTING_SECRET, now=time.time() - age)
    return {"Authorization": f"Bot {text}", **({"Idempotency-Key": key} if key else {})}


def send(method, path, body=b"", *, headers, client=None):
    return (client or Client()).generic(method, path, body, content_type="application/json", headers=headers)


def act(user, method, path, body=b"", **options):
    return send(method, path, body, headers=headers(user, method, path, body, **options))


def refused(answer, code="authentication_failed"):
    assert (answer.status_code, answer.json()["code"]) == (401, code), answer.content
    assert set(answer.json()) == {"code", "message", "details"}
    assert not answer.cookies


def sessions(world):
    with world.redis() as redis:
        keys = redis.keys("identity:session:*")
    return world.superuser("identity").execute("SELECT count(*) FROM sessions").fetchone()[0], keys


def used(world):
    return world.superuser("web").execute("SELECT count(*) FROM used_tokens").fetchone()[0]


def commands(redis):
    found = {name.removeprefix("cmdstat_"): facts["calls"] for name, facts in redis.info("commandstats").items()}
    return {name: calls for name, calls in found.items() if name not in ("info", "config|resetstat")}


def addresses():
    """Each address below /api/v1/ with a method that it may be called by, whether or not it takes that."""
    resolver = get_resolver()
    resolver._populate()
    for route in {str(pattern) for pattern in _routes(resolver.url_patterns, "")}:
        if not route.startswith("api/v1/") or "format" in route:
            continue
        plain = re.sub(r"\(\?P<\w+>[^)]*\)|<\w+:\w+>", "{id}", route).replace("^", "").replace("$", "")
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            yield method, plain.replace("\\.", ".").removeprefix("api/v1/")


def _routes(patterns, prefix):
    for pattern in patterns:
        whole = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield whole
        else:
            yield from _routes(pattern.url_patterns, whole)


def test_of_all_that_web_serves_the_bot_may_do_what_is_listed_here_and_nothing_else(anna, world, publish):
    publish()
    order = OrderFactory(user_id=anna.pk)
    found, before = set(), sessions(world)
    walked = sorted(set(addresses()))
    assert len({path for _, path in walked}) > 20
    for method, path in walked:
        if path in PUBLIC:
            continue
        ident = "9f" * 32 if path.startswith("auth/") else str(order.pk)
        answer = act(anna, method, "/api/v1/" + path.replace("{id}", ident), b"{}" if method == "POST" else b"")
        if answer.status_code == 401:
            assert answer.json()["code"] in ("authentication_failed", "not_authenticated")
        else:
            found.add((method, path))
    assert found == OPEN
    assert sessions(world) == before == (0, [])


def test_a_call_opens_no_session_and_costs_two_statements_and_a_command_more_than_its_work(
    anna, world, django_assert_num_queries
):
    OrderFactory(user_id=anna.pk)
    act(anna, "GET", ORDERS)
    with world.redis() as redis:
        redis.config_resetstat()
        with (
            django_assert_num_queries(2 + 1, connection=connections["web"]),
            django_assert_num_queries(1, connection=connections["identity"]),
        ):
            answer = act(anna, "GET", ORDERS)
        assert commands(redis) == {"set": 1}  # the user
    assert len(answer.json()["results"]) == 1
    assert not answer.cookies
    assert sessions(world) == (0, [])


def test_a_refused_signature_costs_no_statement_and_no_command(anna, world, django_assert_num_queries):
    with world.redis() as redis:
        redis.config_resetstat()
        with (
            django_assert_num_queries(0, connection=connections["web"]),
            django_assert_num_queries(0, connection=connections["identity"]),
        ):
            refused(act(anna, "GET", ORDERS, secret="another"))
        assert commands(redis) == {}


def test_the_bot_orders_for_the_person_of_the_token_and_sees_nobody_elses(anna, publish):
    publish()
    boris = OrderFactory(user_id=UserFactory().pk)
    body = json.dumps({"quote_id": str(QuoteFactory(user_id=anna.pk).pk)}).encode()
    answer = act(anna, "POST", ORDERS, body, key="chat-1")
    assert answer.status_code == 201, answer.content
    assert [each["id"] for each in act(anna, "GET", ORDERS).json()["results"]] == [answer.json()["id"]]
    assert act(anna, "GET", f"{ORDERS}{boris.pk}/").status_code == 404
    again = act(anna, "POST", ORDERS, body, key="chat-1")
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (answer.json(), "true")


def test_a_token_for_one_person_does_nothing_for_another(anna, publish):
    publish()
    quote = QuoteFactory(user_id=UserFactory(profile__telegram_user_id=TELEGRAM_ID + 1).pk)
    before = traces()
    body = json.dumps({"quote_id": str(quote.pk)}).encode()
    answer = act(anna, "POST", ORDERS, body, key="chat-1")
    assert (answer.status_code, traces()) == (404, before)


def test_a_token_works_once_whatever_becomes_of_its_request(anna, publish):
    publish()
    body = json.dumps({"quote_id": str(uuid.uuid4())}).encode()
    signed = headers(anna, "POST", ORDERS, body, key="chat-1")
    assert send("POST", ORDERS, body, headers=signed).status_code == 404
    refused(send("POST", ORDERS, body, headers=signed))
    read = headers(anna, "GET", ORDERS)
    assert send("GET", ORDERS, headers=read).status_code == 200
    refused(send("GET", ORDERS, headers=read))
    assert traces() == NOTHING


def test_of_parallel_requests_with_one_token_one_is_let_through(anna):
    signed = headers(anna, "GET", ORDERS)
    found = together([lambda: send("GET", ORDERS, headers=signed).status_code] * 8, threads=8)
    assert sorted(found) == [200] + [401] * 7


def test_a_token_is_used_up_while_redis_is_frozen_too(anna, world, settings):
    settings.REDIS_PROBE_SECONDS = 3600.0
    signed = headers(anna, "GET", ORDERS)
    with frozen_redis(world):
        assert send("GET", ORDERS, headers=signed).status_code == 200
        refused(send("GET", ORDERS, headers=signed))
    assert used(world) == 1


BODY = b'{"quote_id":"0b5e9f3a-6c1d-4f7e-9a52-3d8c7e1f4b60"}'


@pytest.mark.parametrize(
    ("method", "path", "body", "key"),
    [
        ("POST", ORDERS, BODY.replace(b"0b", b"1b"), "chat-1"),
        ("POST", ORDERS, BODY, "chat-2"),
        ("POST", ORDERS, BODY, ""),
        ("POST", f"{ORDERS}?a=1", BODY, "chat-1"),
        ("GET", ORDERS, b"", "chat-1"),
        ("POST", "/api/v1/quotes/", BODY, "chat-1"),
    ],
    ids=["body", "key", "no key", "query", "method", "path"],
)
def test_a_request_that_was_altered_on_the_way_is_refused_and_the_token_stays_unused(
    anna, world, method, path, body, key
):
    signed = headers(anna, "POST", ORDERS, BODY, key="chat-1")
    sent = {**signed, "Idempotency-Key": key} if key else {"Authorization": signed["Authorization"]}
    refused(send(method, path, body, headers=sent))
    assert (used(world), traces()) == (0, NOTHING)


@pytest.mark.parametrize("options", [{"age": 62}, {"age": -62}, {"secret": "another"}, {"telegram": TELEGRAM_ID + 1}])
def test_a_token_that_is_old_forged_or_of_another_account_is_refused_and_changes_nothing(anna, world, options):
    code = "not_linked" if "telegram" in options else "authentication_failed"
    refused(act(anna, "POST", ORDERS, BODY, key="chat-1", **options), code)
    assert (used(world), traces()) == (0, NOTHING)


@pytest.mark.parametrize("text", ["", "Bot", "Bot ", "Bot x", "bot x", "Bot \x00", "Bot " + "9" * 5000, "Bearer x"])
def test_junk_in_its_place_is_a_401(anna, world, text):
    answer = send("GET", ORDERS, headers={"Authorization": text})
    assert answer.status_code == 401
    assert used(world) == 0


def test_who_is_not_linked_or_not_there_is_refused(anna, world):
    signed = [headers(anna, "GET", ORDERS) for _ in range(2)]
    world.superuser("identity").execute("UPDATE user_profiles SET telegram_user_id = NULL")
    refused(send("GET", ORDERS, headers=signed[0]), "not_linked")
    world.superuser("identity").execute("UPDATE user_profiles SET telegram_user_id = %s", (TELEGRAM_ID,))
    assert send("GET", ORDERS, headers=signed[1]).status_code == 200
    world.superuser("identity").execute("DELETE FROM users")
    refused(act(anna, "GET", ORDERS), "not_linked")


def test_a_browsers_cookie_beside_it_neither_helps_nor_acts(anna, world):
    boris = UserFactory()
    client = Client()
    client.cookies["exchanger_web_session"] = session_open(user=boris).session_key
    order = OrderFactory(user_id=anna.pk)
    answer = send("GET", ORDERS, headers=headers(anna, "GET", ORDERS), client=client)
    assert [each["id"] for each in answer.json()["results"]] == [str(order.pk)]
    refused(send("GET", ORDERS, headers=headers(anna, "GET", ORDERS, secret="another"), client=client))


def test_a_token_is_no_session_key(anna):
    text = headers(anna, "GET", ORDERS)["Authorization"].removeprefix("Bot ")
    refused(send("GET", ORDERS, headers={"Authorization": f"Bearer {text}"}))
    client = Client()
    client.cookies["exchanger_web_session"] = text
    assert client.get(ORDERS).status_code == 401


def test_used_tokens_are_forgotten_when_they_could_not_be_used_any_more(world):
    old, recent = uuid.uuid4(), uuid.uuid4()
    assert token_use(token_id=old)
    assert token_use(token_id=recent)
    age = int(KEEP.total_seconds()) + 1
    web = world.superuser("web")
    web.execute("UPDATE used_tokens SET used_at = now() - make_interval(secs => %s) WHERE id = %s", (age, old))
    assert tokens_purge() == 1
    assert not token_use(token_id=recent)


def test_the_description_names_the_scheme_where_it_is_open_and_nowhere_else():
    document = Client().get("/api/schema/?format=json").json()
    assert document["components"]["securitySchemes"]["bot"]["name"] == "Authorization"
    found = {
        (method.upper(), re.sub(r"\{\w+\}", "{id}", path).removeprefix("/api/v1/"))
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if {"bot": []} in operation.get("security", [])
    }
    assert found == OPEN


def test_rates_need_no_token(publish):
    publish()
    ExchangeRateFactory()
    assert Client().get("/api/v1/pairs/").status_code == 200
