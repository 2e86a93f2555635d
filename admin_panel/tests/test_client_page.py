"""What a client has going on, on their page: each block for who may see its rows, at a bounded cost."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from admin_panel.client_affairs import LATEST, ClientAffairs
from admin_panel.tests.pages import address, list_address
from bot.models import Notification
from bot.tests.factories import ConversationFactory, NotificationFactory
from exchanger.kernel.contexts import ForeignContext
from exchanger.testing import factories
from identity.tests.factories import UserFactory
from web.adapter import WebAdapter
from web.models import EntryKind, Order, Payment, RefundStatus, Transaction
from web.tests.factories import OrderFactory, PaymentFactory, RefundFactory, TransactionFactory

pytestmark = pytest.mark.context("admin")
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
BLOCKS = {
    "web.view_order": ("orders", "web"),
    "web.view_transaction": ("balances", "web"),
    "web.view_payment": ("payments", "web"),
    "web.view_refund": ("refunds", "web"),
    "identity.view_userprofile": ("telegram", "identity"),
    "bot.view_notification": ("notifications", "bot"),
}
"""By the permission that it takes, a block's name in the template, and the database that it is read from."""


def entries(order, kind, **amounts):
    """A balanced set in the order's currency, by account."""
    with factories.as_owner(), transaction.atomic(using="web"):
        for account, amount in amounts.items():
            TransactionFactory(
                order=order, kind=kind, account=account, amount=Decimal(amount), currency=order.from_currency,
                user_id=order.user_id,
            )  # fmt: skip


@pytest.fixture
def anna():
    """A client with something in every block, and somebody else with the same."""
    people = [UserFactory(profile__telegram_user_id=number) for number in (7001, 7002)]
    for number, person in enumerate(people):
        order = OrderFactory(user_id=person.pk, amount=Decimal(100 + number), created_at=NOON)
        PaymentFactory(order=order, user_id=person.pk, status="pending", payment_method=f"bank_{number}")
        PaymentFactory(order=order, user_id=person.pk, status="failed", payment_method=f"old_{number}")
        RefundFactory(payment__order=order, status=RefundStatus.REQUESTED, reason=f"Reason {number}")
        entries(order, EntryKind.PAYMENT_HELD, client=-120 - number, suspense=120 + number)
        NotificationFactory(user_id=person.pk, message=f"News {number}")
        ConversationFactory(telegram_user_id=7001 + number, user_id=person.pk, state=f"state_{number}")
    return people[0]


def test_everything_of_the_client_is_there_and_nothing_of_anybody_elses(operator, anna):
    shown = operator.get(address("change", anna)).text
    for told in ("100.00 USD", "bank_0", "Reason 0", ">120.00<", ">-120.00<", "7001", "state_0", "News 0"):
        assert told in shown
    for untold in ("101.00 USD", "bank_1", "old_0", "Reason 1", "121.00", "7002", "state_1", "News 1"):
        assert untold not in shown
    for model in (Order, Payment, Transaction, Notification):
        narrowed = f"{list_address(model)}?q={anna.pk}"
        assert narrowed in shown
        rows = operator.get(narrowed).context["cl"].result_list
        assert {row.user_id for row in rows} == {anna.pk}


@pytest.mark.parametrize("permission", BLOCKS)
def test_each_block_takes_the_permission_to_see_its_rows(operator_with, statements, anna, permission):
    operator = operator_with("identity.view_user", permission)
    page = address("change", anna)
    context = operator.get(page).context
    sent = statements(lambda: operator.get(page))
    block, alias = BLOCKS[permission]
    assert [name for name, _ in BLOCKS.values() if name in context] == [block]
    assert [name for name in ("web", "bot") if sent[name]] == [name for name in ("web", "bot") if name == alias]


def test_who_may_see_people_alone_sees_none_of_it(operator_with, statements, anna):
    operator = operator_with("identity.view_user")
    page = address("change", anna)
    operator.get(page)
    sent = statements(lambda: operator.get(page))
    assert (sent["web"], sent["bot"], sent["admin"]) == ([], [], [])


def test_the_page_costs_the_same_however_much_there_is(operator, statements, anna):
    page = address("change", anna)
    operator.get(page)
    few = statements(lambda: operator.get(page))
    for hours in range(LATEST + 3):
        order = OrderFactory(user_id=anna.pk, created_at=NOON + timedelta(hours=hours))
        PaymentFactory(order=order, user_id=anna.pk, status="pending")
        RefundFactory(payment__order=order, payment__user_id=anna.pk, status=RefundStatus.APPROVED)
        NotificationFactory(user_id=anna.pk)
    many = statements(lambda: operator.get(page))
    assert {alias: len(sent) for alias, sent in many.items()} == {alias: len(sent) for alias, sent in few.items()}
    # Orders and their quotes, the ledger, payments, refunds; notifications and the conversation.
    assert (len(many["web"]), len(many["bot"])) == (5, 2)
    affairs = ClientAffairs(anna.pk)
    for rows in (affairs.orders(), affairs.payments_under_way(), affairs.refunds_under_way(), affairs.notifications()):
        assert len(rows) == LATEST
        assert [row.created_at for row in rows] == sorted((row.created_at for row in rows), reverse=True)


def test_the_ledger_says_what_it_says_to_the_client(anna, as_context):
    (balance,) = ClientAffairs(anna.pk).balances()
    with as_context("web"):
        own = {row.account: row.amount for row in WebAdapter().find_user_balances(anna.pk)}
        with pytest.raises(ForeignContext):
            ClientAffairs(anna.pk)
    assert (balance.held, balance.gained) == (own["suspense"], own["client"]) == (Decimal(120), Decimal(-120))


def test_who_has_nothing_is_said_to_have_nothing(operator):
    shown = operator.get(address("change", UserFactory())).text
    assert "No money has moved." in shown
    assert "No account is linked." in shown
    assert "Write to this client" not in shown
