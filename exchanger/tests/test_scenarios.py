"""The source document's three scenarios, on three processes, one PostgreSQL and one Redis, over HTTP."""

import json

import pytest

from exchanger.kernel.contexts import Context, ForeignContext
from exchanger.stacks import DatabaseFactory
from identity.services.sessions import session_open
from identity.session_values import stored_id
from identity.tests.factories import PASSWORD, UserFactory

LOGIN, ME = "/api/v1/auth/login", "/api/v1/auth/me"


def log_in(process, user, transport="bearer"):
    with process.client() as client:
        answer = client.post(LOGIN, json={"email": user.email, "password": PASSWORD, "transport": transport})
    assert answer.status_code == 200, answer.text
    return answer


def me(process, key):
    with process.client(headers={"Authorization": f"Bearer {key}"}) as client:
        return client.get(ME)


def rows(world):
    found = world.superuser("identity").execute("SELECT id, application_context FROM sessions ORDER BY 2")
    return found.fetchall()


def session_keys(world):
    with world.redis() as client:
        return sorted(key.decode() for key in client.keys("identity:session:*"))


def test_scenario_1_a_web_login_is_a_row_of_context_web_and_a_key_of_namespace_web(world, processes):
    user = UserFactory()
    key = log_in(processes[Context.WEB], user).json()["session_key"]
    assert rows(world) == [(stored_id(key), "web")]
    assert session_keys(world) == [f"identity:session:web:{stored_id(key)}"]
    with world.redis() as client:
        value = json.loads(client.get(f"identity:session:web:{stored_id(key)}"))
        assert 86_000 < client.ttl(f"identity:session:web:{stored_id(key)}") <= 86_400
    assert value["userId"] == str(user.pk)
    assert me(processes[Context.WEB], key).json()["email"] == user.email


def test_scenario_2_an_admin_session_is_read_from_redis_and_when_it_is_gone_from_postgresql_by_context(
    world, processes
):
    operator = UserFactory(permissions={"admin": ["*"]})
    admin = processes[Context.ADMIN]
    key = log_in(admin, operator).json()["session_key"]
    assert me(admin, key).status_code == 200
    with world.redis() as client:
        client.flushall()
    assert me(admin, key).json()["permissions"] == ["*"]
    assert session_keys(world) == [f"identity:session:admin:{stored_id(key)}"]
    world.superuser("identity").execute("UPDATE sessions SET expires_at = now() - interval '1 second'")
    with world.redis() as client:
        client.flushall()
    assert me(admin, key).status_code == 401
    assert session_keys(world) == []


@pytest.mark.parametrize("thief", [Context.WEB, Context.TELEGRAM])
def test_scenario_3_an_admins_session_key_opens_nothing_in_another_application(thief, world, processes):
    operator = UserFactory(permissions={"admin": ["*"], "web": ["*"], "telegram": ["*"]})
    key = log_in(processes[Context.ADMIN], operator).json()["session_key"]
    before = rows(world), session_keys(world)
    assert me(processes[thief], key).status_code == 401
    with processes[thief].client(headers={"Authorization": f"Bearer {key}"}) as client:
        assert client.post("/api/v1/auth/logout").status_code == 401
    for cookie in ("exchanger_admin_session", f"exchanger_{thief}_session"):
        with processes[thief].client(cookies={cookie: key}) as client:
            assert client.get(ME).status_code == 401
            assert client.post("/api/v1/auth/logout").status_code in (401, 403)
    assert (rows(world), session_keys(world)) == before
    assert me(processes[Context.ADMIN], key).status_code == 200


def test_one_persons_sessions_in_three_applications_end_one_by_one(world, processes, as_context):
    user = UserFactory(permissions={"admin": ["*"]})
    keys = {context: log_in(processes[context], user).json()["session_key"] for context in (Context.WEB, Context.ADMIN)}
    with as_context("telegram"):
        keys[Context.TELEGRAM] = session_open(user=user).session_key
    assert [context for _, context in rows(world)] == ["admin", "telegram", "web"]
    with processes[Context.WEB].client(headers={"Authorization": f"Bearer {keys[Context.WEB]}"}) as client:
        assert client.post("/api/v1/auth/logout").status_code == 204
    assert me(processes[Context.WEB], keys[Context.WEB]).status_code == 401
    assert me(processes[Context.ADMIN], keys[Context.ADMIN]).status_code == 200
    assert me(processes[Context.TELEGRAM], keys[Context.TELEGRAM]).status_code == 200


@pytest.mark.parametrize("context", list(Context))
def test_the_factory_makes_the_processs_own_stack_and_refuses_the_others(context, as_context):
    makers = {
        Context.WEB: DatabaseFactory.create_web_stack,
        Context.ADMIN: DatabaseFactory.create_admin_stack,
        Context.TELEGRAM: DatabaseFactory.create_telegram_stack,
    }
    with as_context(context):
        stack = DatabaseFactory.create_stack()
        assert stack is makers[context]()
        assert (stack.context, stack.identity.context, stack.application.context) == (context, context, context)
        for other in set(Context) - {context}:
            with pytest.raises(ForeignContext):
                makers[other]()
