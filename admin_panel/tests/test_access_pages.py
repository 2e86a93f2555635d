"""The blocks on a person's page: permissions and sessions, to see and to change, each with its permission."""

import pytest
from django.conf import settings
from django.test import Client

from admin_panel.models import AuditLog
from admin_panel.panel.access import MAY_SEE_PERMISSIONS, MAY_SEE_SESSIONS
from admin_panel.services.permissions import MAY_CHANGE
from admin_panel.services.sessions import MAY_END
from exchanger.kernel.contexts import Context
from identity.models import UserPermission
from identity.services.sessions import session_open
from identity.session_values import stored_id
from identity.tests.factories import UserFactory

pytestmark = pytest.mark.context("admin")
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"


def page(user, action="change"):
    return f"/admin/identity/user/{user.pk}/{action}/"


def messages_of(answer):
    return [str(message) for message in answer.context["messages"]]


def permissions_of(user):
    return set(UserPermission.objects.filter(user=user).values_list("application_context", "permission"))


@pytest.fixture
def client_of_all(as_context, world):
    """Somebody with two sessions in web and one in each other application."""
    user = UserFactory()
    for context in (*Context, Context.WEB):
        with as_context(context):
            session_open(user=user)
    world.superuser("identity").execute(
        "UPDATE sessions SET ip_address = '203.0.113.9', user_agent = %s WHERE user_id = %s", (AGENT, user.pk)
    )
    return user


def live(world, user):
    found = world.superuser("identity").execute(
        "SELECT application_context, count(*) FROM sessions WHERE user_id = %s GROUP BY 1", (user.pk,)
    )
    return dict(found.fetchall())


# --- permissions


def test_the_page_grants_and_revokes_and_says_so(operator):
    user = UserFactory()
    choice = {"permission": "web:web.view_order", "reason": "Ticket 4711"}
    answer = operator.post(page(user, "grant"), choice, follow=True)
    assert messages_of(answer) == [f"{user} now holds web.view_order in web."]
    assert permissions_of(user) == {("web", "web.view_order")}
    assert answer.redirect_chain == [(page(user), 302)]
    answer = operator.post(page(user, "revoke"), choice, follow=True)
    assert messages_of(answer) == [f"{user} no longer holds web.view_order in web."]
    assert permissions_of(user) == set()
    entries = AuditLog.objects.order_by("created_at")
    assert [entry.action for entry in entries] == ["user.permission.grant", "user.permission.revoke"]
    assert {entry.admin_id for entry in entries} == {operator.person.pk}
    history = operator.get(page(user, "history")).text
    assert "user.permission.grant" in history
    assert "Ticket 4711" in history


def test_what_the_service_refuses_becomes_a_message(operator_with):
    operator = operator_with("identity.view_user", MAY_SEE_PERMISSIONS, MAY_CHANGE)
    user = UserFactory()
    answer = operator.post(page(user, "grant"), {"permission": "admin:*", "reason": "why not"}, follow=True)
    assert "You do not hold" in messages_of(answer)[0]
    assert permissions_of(user) == set()
    assert [entry.outcome for entry in AuditLog.objects.select_related("result")] == ["denied"]


@pytest.mark.parametrize("choice", [{}, {"permission": "elsewhere:x"}, {"permission": "web:web.view_order"}])
def test_a_wrong_choice_and_a_missing_reason_become_a_message(operator, choice):
    user = UserFactory()
    answer = operator.post(page(user, "grant"), choice, follow=True)
    assert len(messages_of(answer)) == 1
    assert permissions_of(user) == set()


@pytest.mark.parametrize("action", ["grant", "revoke", "end_sessions"])
def test_the_addresses_take_a_post_a_token_an_operator_and_a_person(
    operator, operator_with, visitor, action, everything
):
    user = UserFactory(permissions={"web": ["web.view_order"]})
    sent = {"permission": "web:web.view_order", "reason": "x"}
    strict = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    strict.cookies = operator.cookies
    operator.get("/admin/")
    before = everything()
    assert operator.get(page(user, action)).status_code == 405
    assert strict.post(page(user, action), sent).status_code == 403
    assert operator.post(page(user, action), {"permission": "web:\0", "session": "\0"}).status_code == 400
    assert operator.post(f"/admin/identity/user/nobody/{action}/", sent).status_code == 404
    assert Client(SERVER_NAME="localhost").post(page(user, action), sent)["Location"].startswith("/admin/login/")
    assert everything() == before
    stranger = operator_with("web.view_order")
    assert stranger.post(page(user, action), sent).status_code == 403
    assert permissions_of(user) == {("web", "web.view_order")}


def test_each_block_takes_its_permission_and_each_button_its_own(operator_with, client_of_all):
    def shown(*permissions):
        return operator_with("identity.view_user", *permissions).get(page(client_of_all)).text

    nothing = shown()
    assert "Live sessions" not in nothing
    assert "reason" not in nothing
    seen = shown(MAY_SEE_PERMISSIONS, MAY_SEE_SESSIONS)
    assert "Live sessions" in seen
    assert "Firefox on Linux" in seen
    assert "203.0.113.9" in seen
    assert page(client_of_all, "grant") not in seen
    assert page(client_of_all, "end_sessions") not in seen
    assert page(client_of_all, "grant") in shown(MAY_SEE_PERMISSIONS, MAY_CHANGE)
    assert page(client_of_all, "end_sessions") in shown(MAY_SEE_SESSIONS, MAY_END)


def test_only_what_the_operator_may_give_and_the_person_lacks_is_on_offer(operator_with):
    operator = operator_with(
        "identity.view_user", MAY_SEE_PERMISSIONS, MAY_CHANGE, "web.view_order", "web.view_payment"
    )
    user = UserFactory(permissions={"web": ["web.view_payment"]})
    offered = operator.get(page(user)).text
    assert 'value="web:web.view_order"' in offered
    assert 'value="admin:web.view_payment"' in offered
    assert '<option value="web:web.view_payment"' not in offered
    assert "web.change_order" not in offered
    assert ':*"' not in offered


def test_more_permissions_and_sessions_are_not_more_statements(operator, statements, client_of_all, as_context):
    few = UserFactory()
    operator.get(page(few))
    first = statements(lambda: operator.get(page(few)))
    for name in ("web.view_order", "web.view_payment", "web.view_exchangerate"):
        UserPermission.objects.create(user=client_of_all, permission=name, application_context="web")
    second = statements(lambda: operator.get(page(client_of_all)))
    assert {alias: len(sent) for alias, sent in first.items()} == {alias: len(sent) for alias, sent in second.items()}
    assert len(first["identity"]) <= 6
    assert "session_data" not in str(second)


# --- sessions


def test_one_session_is_ended(operator, world, client_of_all):
    (chosen,) = (
        world.superuser("identity")
        .execute("SELECT id FROM sessions WHERE user_id = %s AND application_context = 'telegram'", (client_of_all.pk,))
        .fetchone()
    )
    answer = operator.post(page(client_of_all, "end_sessions"), {"session": chosen}, follow=True)
    assert messages_of(answer) == [f"1 session of {client_of_all} ended."]
    assert live(world, client_of_all) == {"web": 2, "admin": 1}
    entry = AuditLog.objects.select_related("result").get()
    assert (entry.action, entry.resource_id) == ("user.session.revoke", str(client_of_all.pk))
    assert (entry.new_values, entry.result.details) == ({"session": chosen}, {"ended": {"telegram": 1}})
    again = operator.post(page(client_of_all, "end_sessions"), {"session": chosen}, follow=True)
    assert messages_of(again) == ["There was no such session any more."]


def test_a_session_of_somebody_else_is_not_ended_through_this_page(operator, world, client_of_all):
    other = session_open(user=UserFactory())
    operator.post(page(client_of_all, "end_sessions"), {"session": stored_id(other.session_key)})
    assert other.exists(other.session_key)
    assert live(world, client_of_all) == {"web": 2, "admin": 1, "telegram": 1}


@pytest.mark.parametrize("which", [{"session": ""}, {"context": ""}, {"context": "web", "session": "x"}])
def test_what_names_nothing_or_two_things_ends_nothing(operator, world, client_of_all, which):
    assert operator.post(page(client_of_all, "end_sessions"), which).status_code == 400
    assert live(world, client_of_all) == {"web": 2, "admin": 1, "telegram": 1}
    assert not AuditLog.objects.exists()


def test_all_of_one_application_and_all_everywhere_are_ended(operator, world, client_of_all):
    operator.post(page(client_of_all, "end_sessions"), {"context": "web"})
    assert live(world, client_of_all) == {"admin": 1, "telegram": 1}
    operator.post(page(client_of_all, "end_sessions"))
    assert live(world, client_of_all) == {}
    assert live(world, operator.person) == {"admin": 1}
    last = AuditLog.objects.select_related("result").order_by("-created_at").first()
    assert last.new_values == {"application_context": "all"}
    assert last.result.details == {"ended": {"admin": 1, "telegram": 1}}


def test_without_the_permission_nothing_ends_and_the_attempt_is_denied(operator_with, world, client_of_all):
    operator = operator_with("identity.view_user", MAY_SEE_SESSIONS)
    answer = operator.post(page(client_of_all, "end_sessions"), follow=True)
    assert messages_of(answer) == [f"This takes the permission '{MAY_END}': ask an administrator for it."]
    assert sum(live(world, client_of_all).values()) == 4
    assert [entry.outcome for entry in AuditLog.objects.select_related("result")] == ["denied"]


def test_an_operator_who_ends_their_own_session_is_logged_out(operator, world):
    other = session_open(user=operator.person)
    answer = operator.post(
        page(operator.person, "end_sessions"), {"session": stored_id(other.session_key)}, follow=True
    )
    assert messages_of(answer) == [f"1 session of {operator.person} ended."]
    answer = operator.post(page(operator.person, "end_sessions"))
    assert answer["Location"] == "/admin/login/"
    assert live(world, operator.person) == {}
    assert operator.get("/admin/")["Location"].startswith("/admin/login/")


def test_an_ended_session_is_ended_at_once_in_the_other_process(operator, as_context, processes):
    user = UserFactory()
    with as_context("web"):
        keys = [session_open(user=user).session_key for _ in range(2)]

    def status(key):
        with processes[Context.WEB].client() as client:
            return client.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {key}"}).status_code

    assert [status(key) for key in keys] == [200, 200]
    operator.post(page(user, "end_sessions"), {"session": stored_id(keys[0])})
    assert [status(key) for key in keys] == [401, 200]
    operator.post(page(user, "end_sessions"), {"context": "web"})
    assert [status(key) for key in keys] == [401, 401]


# --- the same over REST


def sessions_at(user, session=""):
    return f"/api/v1/users/{user.pk}/sessions/{session}"


def test_the_api_lists_a_persons_sessions_without_their_data(operator, client_of_all):
    found = operator.get(sessions_at(client_of_all)).json()
    assert found["counts"] == {"web": 2, "admin": 1, "telegram": 1}
    assert len(found["results"]) == 4
    assert set(found["results"][0]) == {
        "id", "application_context", "created_at", "updated_at", "expires_at", "ip_address", "user_agent",
    }  # fmt: skip
    assert {row["user_agent"] for row in found["results"]} == {AGENT}
    assert {row["ip_address"] for row in found["results"]} == {"203.0.113.9"}


def test_the_api_ends_one_those_of_a_context_and_all(operator, world, client_of_all):
    headers = {"Authorization": f"Bearer {operator.cookies[settings.SESSION_COOKIE_NAME].value}"}
    found = operator.get(sessions_at(client_of_all), headers=headers).json()["results"]
    one = next(row["id"] for row in found if row["application_context"] == "admin")
    assert operator.delete(sessions_at(client_of_all, f"{one}/"), headers=headers).status_code == 204
    assert operator.delete(sessions_at(client_of_all, f"{one}/"), headers=headers).status_code == 404
    assert live(world, client_of_all) == {"web": 2, "telegram": 1}
    answer = operator.delete(f"{sessions_at(client_of_all)}?application_context=web", headers=headers)
    assert answer.json() == {"ended": {"web": 2}}
    assert operator.delete(sessions_at(client_of_all), headers=headers).json() == {"ended": {"telegram": 1}}
    assert live(world, client_of_all) == {}


def test_the_api_refuses_who_may_not_and_records_it_once(operator_with, world, client_of_all):
    operator = operator_with("identity.view_user")
    assert operator.get(sessions_at(client_of_all)).status_code == 403
    assert operator.delete(sessions_at(client_of_all)).status_code == 403
    assert sum(live(world, client_of_all).values()) == 4
    entries = AuditLog.objects.select_related("result").order_by("created_at")
    assert [(entry.action, entry.outcome) for entry in entries] == [
        ("access.denied", "denied"),
        ("user.session.revoke", "denied"),
    ]
    assert {(entry.resource_type, entry.resource_id) for entry in entries} == {("user", str(client_of_all.pk))}


def test_who_may_not_list_a_persons_sessions_does_not_learn_of_them_by_another_method(operator_with, client_of_all):
    operator = operator_with("identity.view_user")
    assert operator.head(sessions_at(client_of_all)).status_code == 403


def test_the_api_knows_neither_strangers_nor_other_contexts(operator, client_of_all, world):
    stranger = UserFactory.build()
    assert operator.get(sessions_at(stranger)).status_code == 404
    assert operator.delete(sessions_at(stranger)).status_code == 404
    for context in ("elsewhere", ""):  # none is not all: who names one, and fails to, ends nobody's sessions
        answer = operator.delete(f"{sessions_at(client_of_all)}?application_context={context}")
        assert (answer.status_code, list(answer.json()["details"])) == (400, ["application_context"])
    assert Client(SERVER_NAME="localhost").get(sessions_at(client_of_all)).status_code == 401
    assert sum(live(world, client_of_all).values()) == 4
