"""Every registered list and page: who sees it, that nobody changes anything there, and what it sends."""

import pytest
from django.contrib import admin

from admin_panel.tests.factories import AuditLogFactory
from admin_panel.tests.pages import (
    MODELS,
    ROWS,
    WITH_FORM,
    WITH_OWN_LIST,
    WITH_OWN_PAGE,
    WITH_PERSON,
    address,
    list_address,
    name_of,
    page_id,
    view_permission,
)
from exchanger.kernel.contexts import APP_ALIAS
from identity.models import User, UserPermission
from identity.services.permissions import permission_revoke
from identity.tests.factories import PASSWORD, UserFactory, UserPermissionFactory
from web.models import Order
from web.tests.factories import OrderFactory, PaymentFactory

pytestmark = pytest.mark.context("admin")
each_model = pytest.mark.parametrize("model", MODELS, ids=name_of)


def test_these_are_all_the_pages_there_are_and_sessions_have_none():
    assert set(admin.site._registry) == set(MODELS)


@each_model
def test_whoever_may_view_a_model_sees_its_list_and_its_page(operator_with, model):
    row = ROWS[model]()
    operator = operator_with(view_permission(model))
    listed = operator.get(list_address(model))
    shown = operator.get(address("change", row))
    assert (listed.status_code, shown.status_code) == (200, 200)
    assert address("change", row) in listed.text
    assert page_id(row) in shown.text
    assert 'name="_save"' not in shown.text


@pytest.mark.parametrize("model", [model for model in MODELS if model not in WITH_OWN_LIST], ids=name_of)
def test_a_list_is_a_count_and_a_page_and_one_lookup_of_people(operator, statements, model):
    for _ in range(3):
        ROWS[model]()
    operator.get(list_address(model))  # warms the session and the user
    sent = statements(lambda: operator.get(list_address(model)))
    count, page, *others = sent.pop(APP_ALIAS[model._meta.app_label])
    assert len(others) == (model is Order)  # the quotes that they took, which say what is paid out
    assert count.startswith("SELECT COUNT(*)")
    assert count.endswith("LIMIT 10001) subquery")
    assert "COUNT" not in page
    assert len(sent.pop("identity", [])) == (model in WITH_PERSON)
    assert not any(sent.values())


@each_model
def test_more_rows_are_not_more_statements(operator, statements, model):
    ROWS[model]()
    operator.get(list_address(model))
    few = statements(lambda: operator.get(list_address(model)))
    for _ in range(7):
        ROWS[model]()
    many = statements(lambda: operator.get(list_address(model)))
    assert {alias: len(sent) for alias, sent in many.items()} == {alias: len(sent) for alias, sent in few.items()}


@each_model
def test_a_client_an_outsider_and_an_operator_of_something_else_are_refused(visitor, operator_with, everything, model):
    row = ROWS[model]()
    pages = [list_address(model), address("change", row), address("history", row), address("delete", row)]
    stranger = next(other for other in MODELS if other is not model)
    before = everything()
    for page in pages:
        assert visitor.get(page)["Location"] == f"/admin/login/?next={page}"
    assert everything() == before
    operator_with()
    before = everything()
    for page in pages:
        assert visitor.get(page)["Location"] == f"/admin/login/?next={page}"
    before["redis"].append(f"identity:user:admin:{visitor.person.pk}".encode())
    assert everything() == {**before, "redis": sorted(before["redis"])}
    operator_with(view_permission(stranger))
    before = everything()
    for page in pages:
        assert visitor.get(page).status_code == 403
    before["redis"].append(f"identity:user:admin:{visitor.person.pk}".encode())
    assert everything() == {**before, "redis": sorted(before["redis"])}


@each_model
def test_nothing_is_added_changed_or_deleted_here_not_even_by_who_may_everything(operator, everything, model):
    row = ROWS[model]()
    operator.get(list_address(model))
    before = everything()
    saved = operator.post(address("change", row), {"_save": "Save"})
    assert saved.status_code == (200 if model in WITH_OWN_PAGE else 403)
    refused = [
        operator.get(address("delete", row)),
        operator.post(address("delete", row), {"post": "yes"}),
    ]
    if model not in WITH_FORM:
        refused += [operator.get(f"{list_address(model)}add/"), operator.post(f"{list_address(model)}add/", {})]
    assert {answer.status_code for answer in refused} == {403}
    for chosen in (str(row.pk), "nonsense"):
        operator.post(list_address(model), {"action": "delete_selected", "_selected_action": [chosen], "post": "yes"})
    for sent in ({"\0": "a"}, {"reason": ["a\0", "b"]}):
        assert operator.post(list_address(model), sent).status_code == 400
        assert operator.post(f"{list_address(model)}add/", sent).status_code == 400
    assert everything() == before


@each_model
def test_the_history_of_a_row_is_what_the_audit_trail_says_of_it(operator, statements, model):
    row = ROWS[model]()
    kind = {"AnalyticsEvent": "analytics_event", "ExchangeRate": "exchange_rate"}.get(model.__name__)
    kind = kind or "".join(f"_{c.lower()}" if c.isupper() else c for c in model.__name__).lstrip("_")
    AuditLogFactory(
        resource_type=kind,
        resource_id=admin.site._registry[model].history_id(row),
        action="row.mark",
        admin_id=operator.person.pk,
        old_values={"kept": 1, "colour": "red"},
        new_values={"kept": 1, "colour": "blue", "size": "<b>"},
    )
    AuditLogFactory(resource_type="another", resource_id=str(row.pk), action="another.mark")
    AuditLogFactory(resource_type=kind, action="stranger.mark")
    operator.get(list_address(model))
    shown = operator.get(address("history", row)).text
    for told in ("row.mark", operator.person.email, "colour", "red", "blue", "&lt;b&gt;"):
        assert told in shown
    for untold in ("another.mark", "stranger.mark", "kept"):
        assert untold not in shown
    sent = statements(lambda: operator.get(address("history", row)))
    assert "django_admin_log" not in str(sent)


def test_the_history_takes_the_permission_to_read_the_audit_trail(operator_with):
    order = OrderFactory()
    operator = operator_with("web.view_order")
    assert address("history", order) not in operator.get(address("change", order)).text
    assert operator.get(address("history", order)).status_code == 403
    operator = operator_with("web.view_order", "admin_panel.view_auditlog")
    assert address("history", order) in operator.get(address("change", order)).text
    assert operator.get(address("history", order)).status_code == 200


def test_an_order_shows_its_payments_and_entries_without_a_statement_for_each(operator, statements):
    order = OrderFactory()
    PaymentFactory(order=order, payment_method="card_of_one")
    operator.get(address("change", order))
    few = statements(lambda: operator.get(address("change", order)))
    PaymentFactory.create_batch(5, order=order, payment_method="card_of_more")
    many = statements(lambda: operator.get(address("change", order)))
    assert "card_of_more" in operator.get(address("change", order)).text
    assert len(many["web"]) == len(few["web"])
    assert (len(few["identity"]), few["admin"], few["bot"]) == (1, [], [])


def test_an_inline_takes_its_own_permission(operator_with):
    payment = PaymentFactory(payment_method="bank_of_testing")
    assert "bank_of_testing" not in operator_with("web.view_order").get(address("change", payment.order)).text
    allowed = operator_with("web.view_order", "web.view_payment")
    assert "bank_of_testing" in allowed.get(address("change", payment.order)).text


def test_amounts_carry_their_currency_and_people_their_address(operator):
    OrderFactory(
        user_id=UserFactory(email="anna@example.com").pk, from_currency="BTC", amount="1234.50000000", to_currency="USD"
    )
    gone = OrderFactory()
    listed = operator.get(list_address(Order)).text
    assert "1,234.50 BTC" in listed
    assert "anna@example.com" in listed
    assert f"nobody any more ({gone.user_id})" in listed


def test_an_address_leads_to_the_person_only_for_who_may_see_people(operator_with):
    user = UserFactory()
    OrderFactory(user_id=user.pk)
    operator = operator_with("web.view_order")
    assert user.email in operator.get(list_address(Order)).text
    assert address("change", user) not in operator.get(list_address(Order)).text
    operator = operator_with("web.view_order", "identity.view_user")
    assert address("change", user) in operator.get(list_address(Order)).text


def test_no_page_reads_or_shows_a_password_hash(operator, statements):
    user = UserFactory()
    granted = UserPermissionFactory(user=user)
    operator.get("/admin/")
    pages = [
        list_address(User),
        address("change", user),
        address("history", user),
        list_address(UserPermission),
        address("change", granted),
        address("change", user.profile),
        f"{list_address(User)}?q={user.email}",
    ]
    for page in pages:
        shown: list[str] = []
        sent = statements(lambda page=page, shown=shown: shown.append(operator.get(page).text))
        assert user.email in shown[0], page
        assert "password_hash" not in str(sent), page
        assert "argon2" not in shown[0], page


@pytest.mark.parametrize(
    "lookup", ["password__startswith", "password", "user__password__startswith", "email__contains"]
)
def test_a_hidden_column_cannot_be_guessed_through_a_filter(operator, lookup):
    for model in (User, UserPermission):
        assert operator.get(f"{list_address(model)}?{lookup}=argon2").status_code == 400


def test_a_permission_that_is_taken_back_closes_the_panel_at_once(operator_with):
    operator = operator_with("web.view_order")
    assert operator.get(list_address(Order)).status_code == 200
    permission_revoke(user_id=operator.person.pk, permission="web.view_order", context="admin")
    assert operator.get(list_address(Order)).status_code == 302


def test_a_page_that_does_not_exist_leads_back(operator):
    for wrong in ("1f0c0d0e-0000-4000-8000-000000000000", "not-an-id", "%00"):
        assert operator.get(f"{list_address(Order)}{wrong}/change/")["Location"] == "/admin/"
        assert operator.get(f"{list_address(Order)}{wrong}/history/")["Location"] == "/admin/"


def test_the_password_of_a_person_is_asked_nowhere_in_the_panel(operator):
    assert operator.get("/admin/password_change/").status_code == 404
    answer = operator.post("/admin/password_change/", {"old_password": PASSWORD, "new_password1": "another horse 1"})
    assert answer.status_code == 404
