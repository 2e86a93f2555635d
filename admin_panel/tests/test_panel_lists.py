"""What keeps a list quick, whatever is in the table and whatever is asked of it."""

import re
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.db import connections, transaction

from admin_panel.models import AdminSetting, AuditLog, Configuration
from admin_panel.tests.factories import AuditLogFactory, AuditOutcomeFactory
from admin_panel.tests.pages import MODELS, ROWS, list_address, name_of
from bot.models import Message, UserCommand
from bot.tests.factories import ConversationFactory, MessageFactory, UserCommandFactory
from exchanger.kernel.contexts import APP_ALIAS
from identity.models import User, UserPermission, UserProfile
from identity.tests.factories import UserFactory
from web.models import Order, Payment
from web.tests.factories import OrderFactory, PaymentFactory

pytestmark = pytest.mark.context("admin")
# Tables that stay small: what operators write themselves, by hand.
SMALL = {UserPermission, Configuration, AdminSetting}
LARGE = [model for model in MODELS if model not in SMALL]


def shown(client, model, **query):
    """The keys of the rows that a list shows, in its order."""
    answer = client.get(list_address(model), query)
    assert answer.status_code == 200, answer
    found = re.findall(rf'href="{list_address(model)}([0-9a-f-]{{36}})/change/', answer.text)
    return list(dict.fromkeys(found))


def ids(*rows):
    return [str(row.pk) for row in rows]


@pytest.mark.parametrize("model", LARGE, ids=name_of)
def test_a_list_is_read_in_the_order_of_an_index(operator, statements, model):
    ROWS[model]()
    operator.get(list_address(model))
    sent = statements(lambda: operator.get(list_address(model)))
    _, page, *_ = sent[APP_ALIAS[model._meta.app_label]]
    alias = APP_ALIAS[model._meta.app_label]
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        # So few rows would be read and sorted whole: forbid it, and see whether there is another way.
        for way in ("seqscan", "bitmapscan", "sort"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
        cursor.execute(f"EXPLAIN {page} LIMIT 50")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Index" in plan
    assert "Sort" not in plan


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_no_address_makes_a_list_sort_by_another_column_or_count_facets(operator, statements, model):
    ROWS[model]()
    operator.get(list_address(model))
    plain = statements(lambda: operator.get(list_address(model)))
    for query in ("o=1", "o=-2.1", "_facets=True", "o=nonsense"):
        assert statements(lambda query=query: operator.get(f"{list_address(model)}?{query}")) == plain


def test_beyond_ten_thousand_rows_nobody_counts_or_pages(operator, statements, world):
    world.superuser("bot").execute(
        "INSERT INTO user_commands (telegram_user_id, command) SELECT n, '/rates' FROM generate_series(1, 10050) n"
    )
    operator.get("/admin/")
    listed = operator.get(list_address(UserCommand))
    assert "10,000+ user commands" in listed.text
    assert operator.get(f"{list_address(UserCommand)}?p=200").status_code == 200
    assert operator.get(f"{list_address(UserCommand)}?p=201")["Location"].endswith("?e=1")
    assert operator.get(f"{list_address(UserCommand)}?all=").text.count("/change/") == 50
    for query in ("", "?p=200", "?all=", "?command=%2Frates"):
        sent = statements(lambda query=query: operator.get(list_address(UserCommand) + query))["bot"]
        assert len(sent) == 2
        assert all("LIMIT" in sql for sql in sent)


def test_the_newest_comes_first_and_equal_times_keep_one_order(operator):
    at = datetime(2026, 5, 1, tzinfo=UTC)
    same = [OrderFactory(created_at=at) for _ in range(4)]
    newest = OrderFactory(created_at=at.replace(hour=1))
    expected = [str(newest.pk), *sorted(ids(*same), reverse=True)]
    assert shown(operator, Order) == expected


@pytest.mark.parametrize(
    "query",
    ["status__exact=%00", "q=%00", "created_at_from=%00", "%00=1", "from_currency=U%00H", "p=%00", "e=%00&q=%00"],
)
def test_a_nul_is_refused_before_any_database_hears_of_it(operator, statements, query):
    operator.get("/admin/")
    answers = []
    sent = statements(lambda: answers.append(operator.get(f"{list_address(Order)}?{query}")))
    assert answers[0].status_code == 400
    assert not any(sent.values())


@pytest.mark.parametrize(
    "query", ["created_at_from=yesterday", "created_at_to=9999-12-31", "status__exact=nonsense", "p=-5", "p=none"]
)
def test_nonsense_in_an_address_is_no_error_of_the_server(operator, query):
    OrderFactory()
    assert operator.get(f"{list_address(Order)}?{query}", follow=True).status_code == 200


def test_a_filter_by_something_that_is_no_id_is_refused(operator):
    assert operator.get(f"{list_address(Message)}?conversation=nonsense")["Location"].endswith("?e=1")


def test_filters_narrow_the_list(operator):
    paid = OrderFactory(status="paid", created_at=datetime(2026, 5, 1, 23, 59, 59, tzinfo=UTC))
    later = OrderFactory(from_currency="BTC", created_at=datetime(2026, 5, 3, tzinfo=UTC))
    assert shown(operator, Order, status__exact="paid") == ids(paid)
    assert shown(operator, Order, from_currency=" btc ") == ids(later)
    assert shown(operator, Order, to_currency="GBP") == []
    assert shown(operator, Order, created_at_from="2026-05-01", created_at_to="2026-05-01") == ids(paid)
    assert shown(operator, Order, created_at_from="2026-05-02") == ids(later)
    assert shown(operator, Order, created_at_from="", created_at_to="") == ids(later, paid)


def test_messages_are_narrowed_to_a_conversation(operator):
    message = MessageFactory()
    MessageFactory()
    assert shown(operator, Message, conversation=message.conversation_id) == ids(message)


def test_an_order_is_found_by_its_id_its_client_and_their_address(operator):
    anna = UserFactory(email="anna@example.com")
    order = OrderFactory(user_id=anna.pk)
    OrderFactory()
    for term in (order.pk, str(order.pk).upper(), anna.pk, "anna@example.com", " Anna@Example.com "):
        assert shown(operator, Order, q=str(term)) == ids(order)
    for term in ("nobody@example.com", str(uuid4()), "anna", "'", "%"):
        assert shown(operator, Order, q=term) == []


def test_other_lists_are_searched_by_what_their_rows_are_known_by(operator):
    payment = PaymentFactory()
    PaymentFactory()
    assert shown(operator, Payment, q=str(payment.order_id)) == ids(payment)
    command = UserCommandFactory(telegram_user_id=7)
    UserCommandFactory()
    assert shown(operator, UserCommand, q="7") == ids(command)
    for digits in ("9" * 19, "9" * 23, "9" * 4301):  # of which Python reads 4,300 at most
        assert shown(operator, UserCommand, q=digits) == []
    message = MessageFactory(conversation=ConversationFactory())
    assert shown(operator, Message, q=str(message.conversation_id)) == ids(message)
    boris = UserFactory(email="boris@example.com")
    assert shown(operator, User, q="boris@") == ids(boris)
    assert shown(operator, UserProfile, q=str(boris.pk)) == ids(boris)
    log = AuditLogFactory(admin_id=boris.pk)
    AuditLogFactory()
    assert shown(operator, AuditLog, q="boris@example.com") == ids(log)
    assert shown(operator, AuditLog, resource_type=log.resource_type, resource_id=log.resource_id) == ids(log)


def test_the_audit_trail_is_found_by_person_as_actor_and_as_resource_and_by_outcome(operator, statements):
    anna = UserFactory(email="anna@example.com")
    by_anna = AuditOutcomeFactory(entry__admin_id=anna.pk, outcome="denied").entry
    about_anna = AuditLogFactory(resource_type="user", resource_id=str(anna.pk))
    AuditOutcomeFactory()
    for term in ("Anna@example.com", str(anna.pk)):
        assert set(shown(operator, AuditLog, q=term)) == set(ids(by_anna, about_anna))
    assert shown(operator, AuditLog, outcome="denied") == ids(by_anna)
    assert shown(operator, AuditLog, outcome="unfinished") == ids(about_anna)
    assert shown(operator, AuditLog, q="anna@example.com", outcome="denied") == ids(by_anna)
    sent = statements(lambda: shown(operator, AuditLog, q="anna@example.com"))
    assert len(sent["identity"]) == 2  # the address that was typed, and those of the rows
    assert len(shown(operator, AuditLog, outcome="nonsense")) == 3


def test_an_empty_list_says_so(operator):
    assert "No results found" in operator.get(list_address(Order)).text
