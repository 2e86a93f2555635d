"""What a client that a stock generator made from the description does with the running application.

client.py CONTEXT URL PACKAGE PERSON PASSWORD        run in .venv-contract, where the package can be imported
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

from bench.contracts.telegram import credentials

CONTEXT, URL, PACKAGE, PERSON, PASSWORD = sys.argv[1:]
root = import_module(PACKAGE)
models = import_module(f"{PACKAGE}.models")
BEARER = models.TransportEnum.BEARER


def operation(path: str) -> ModuleType:
    return import_module(f"{PACKAGE}.api.{path}")


def parsed(answer: Any, status: int) -> Any:
    assert answer.status_code == status, answer.content
    assert answer.parsed is not None
    return answer.parsed


def log_in() -> Any:
    """A client with a session of its own, in the same process as any other program would have it."""
    stranger = root.Client(URL)
    if CONTEXT == "telegram":
        body = models.TelegramLoginRequest(init_data=credentials(int(PERSON)), transport=BEARER)
        session = parsed(operation("auth.telegram_login").sync_detailed(client=stranger, body=body), 200)
    else:
        wrong = models.LoginRequest(email=PERSON, password="not this one", transport=BEARER)  # noqa: S106
        error = parsed(operation("auth.login").sync_detailed(client=stranger, body=wrong), 401)
        assert isinstance(error, models.Error)
        assert error.code == "authentication_failed"
        body = models.LoginRequest(email=PERSON, password=PASSWORD, transport=BEARER)
        session = parsed(operation("auth.login").sync_detailed(client=stranger, body=body), 200)
    client = root.AuthenticatedClient(URL, token=session.session_key)
    me = parsed(operation("auth.me").sync_detailed(client=client), 200)
    assert me.id == session.user.id
    return client


def exchange(client: Any) -> None:
    stranger = root.Client(URL)
    offer = parsed(operation("pairs.pairs_list").sync_detailed(client=stranger), 200)
    pair = next(pair for pair in offer.pairs if pair.pair == "usd_uah")
    rates = parsed(operation("rates.rates_list").sync_detailed(client=stranger), 200)
    assert all(isinstance(rate.rate, str) and rate.valid_from.tzinfo for rate in rates.results)
    parsed(operation("rates.rates_retrieve").sync_detailed("usd_uah", client=stranger), 200)
    chart = parsed(operation("rates.rates_history_retrieve").sync_detailed("usd_uah", client=stranger), 200)
    assert chart.points
    create = operation("quotes.quotes_create")
    asked = models.QuoteRequestRequest(pair=pair.pair, from_amount=pair.minimum)
    quote = parsed(create.sync_detailed(client=client, body=asked), 201)
    again = parsed(operation("quotes.quotes_retrieve").sync_detailed(quote.id, client=client), 200)
    assert again.to_dict() == quote.to_dict()
    refused = parsed(create.sync_detailed(client=client, body=models.QuoteRequestRequest(pair="usd_uah")), 400)
    assert refused.code == "one_amount"
    orders = parsed(operation("orders.orders_list").sync_detailed(client=client, page_size=2), 200)
    assert len(orders.results) == 2
    order = parsed(operation("orders.orders_retrieve").sync_detailed(orders.results[0].id, client=client), 200)
    assert order.to_dict() == orders.results[0].to_dict()
    wanted = models.OrderRequestRequest(quote_id=quote.id)
    order_now = operation("orders.orders_create").sync_detailed
    made = parsed(order_now(client=client, body=wanted, idempotency_key="contract"), 201)
    again = parsed(order_now(client=client, body=wanted, idempotency_key="contract"), 201)
    assert again.to_dict() == made.to_dict()
    taken = parsed(order_now(client=client, body=wanted, idempotency_key="another"), 409)
    assert taken.code == "quote_taken"
    ended = parsed(operation("orders.orders_cancel_create").sync_detailed(made.id, client=client), 200)
    assert ended.status == "cancelled"
    movements = parsed(operation("transactions.transactions_list").sync_detailed(client=client), 200)
    assert movements.results


def operate(client: Any) -> None:
    log = parsed(operation("audit_logs.audit_logs_list").sync_detailed(client=client, page_size=1), 200).results[0]
    parsed(operation("audit_logs.audit_logs_retrieve").sync_detailed(log.id, client=client), 200)
    assert parsed(operation("configurations.configurations_list").sync_detailed(client=client), 200).results
    in_force = parsed(operation("configurations.configurations_in_force_retrieve").sync_detailed(client=client), 200)
    assert {row.application_context for row in in_force.results} == {"web", "telegram"}
    setting = parsed(operation("settings.settings_retrieve").sync_detailed("reports.keep_days", client=client), 200)
    change = models.SettingChangeRequest(value=60, reason="contract", based_on=setting.version)
    changed = parsed(operation("settings.settings_update").sync_detailed(setting.key, client=client, body=change), 200)
    assert (changed.value, changed.is_default) == (60, False)
    late = parsed(operation("settings.settings_update").sync_detailed(setting.key, client=client, body=change), 409)
    assert late.code == "setting_changed"


def chat(client: Any) -> None:
    talks = parsed(operation("conversations.conversations_list").sync_detailed(client=client), 200).results
    parsed(operation("conversations.conversations_retrieve").sync_detailed(talks[0].id, client=client), 200)
    assert parsed(operation("messages.messages_list").sync_detailed(client=client), 200).results


client = log_in()
{"web": exchange, "admin": operate, "telegram": chat}[CONTEXT](client)
ended = operation("auth.logout").sync_detailed(client=client)
assert ended.status_code == 204
parsed(operation("auth.me").sync_detailed(client=client), 401)
