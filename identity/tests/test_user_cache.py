"""The cached user: what it holds, that it costs nothing when warm, and that a change reaches every context."""

import json

import pytest
from django.contrib.auth.hashers import make_password
from django.db import connections, transaction
from django.test import Client

from exchanger.kernel.cache.invalidation import invalidate_on_commit, replay
from exchanger.kernel.cache.namespaces import USERS
from exchanger.kernel.contexts import Context, ForeignContext
from identity.cache import UserCache
from identity.models import User
from identity.services.permissions import permission_grant, permission_revoke
from identity.services.sessions import session_open, user_sessions_revoke
from identity.services.users import user_check_password, user_set_password
from identity.tests.accounts import client_of, is_logged_in, login
from identity.tests.factories import PASSWORD, UserFactory


def cached_users(world):
    with world.redis() as client:
        return sorted(key.decode() for key in client.keys("identity:user:*"))


def pending(world):
    return world.superuser("identity").execute("SELECT key FROM cache_invalidations").fetchall()


@pytest.mark.context("web")
def test_the_cached_user_holds_what_authentication_needs_and_no_password_hash(world):
    user = UserFactory(permissions={"web": ["web.trade"], "admin": ["*"]})
    data = UserCache(Context.WEB).get_user_data(user.pk)
    assert set(data) == {"id", "email", "emailVerified", "permissions", "lastActive", "sessionAuthHash"}
    assert data["permissions"] == ["web.trade"]
    with world.redis() as client:
        kept = client.get(f"identity:user:web:{user.pk}").decode()
        assert 0 < client.ttl(f"identity:user:web:{user.pk}") <= 3600
    assert json.loads(kept) == data
    assert user.password not in kept


@pytest.mark.context("web")
def test_a_warm_authenticated_request_runs_no_sql_for_session_user_and_permissions(django_assert_num_queries):
    user = UserFactory()
    headers = {"Authorization": f"Bearer {session_open(user=user).session_key}"}
    Client().get("/api/v1/auth/me", headers=headers)
    with django_assert_num_queries(0, connection=connections["identity"]):
        assert Client().get("/api/v1/auth/me", headers=headers).status_code == 200


def test_a_granted_and_a_revoked_permission_reach_a_warm_user_of_another_process_at_the_commit(as_context, world):
    user = UserFactory()
    with as_context("web"):
        assert UserCache(Context.WEB).get_user(user.pk).granted == frozenset()
    with as_context("admin"):
        permission_grant(user_id=user.pk, permission="web.trade", context=Context.WEB)
        assert cached_users(world) == []
    with as_context("web"):
        assert UserCache(Context.WEB).get_user(user.pk).granted == {"web.trade"}
    with as_context("admin"):
        assert permission_revoke(user_id=user.pk, permission="web.trade", context=Context.WEB)
    with as_context("web"):
        assert UserCache(Context.WEB).get_user(user.pk).granted == frozenset()
    assert pending(world) == []


@pytest.mark.context("web")
def test_a_new_password_ends_the_sessions_that_the_old_one_opened():
    user = UserFactory()
    headers = {"Authorization": f"Bearer {session_open(user=user).session_key}"}
    assert Client().get("/api/v1/auth/me", headers=headers).status_code == 200
    user_set_password(user=user, password="an entirely new one")
    assert Client().get("/api/v1/auth/me", headers=headers).status_code == 401


@pytest.mark.context("web")
def test_a_login_renews_an_older_hash_and_its_own_session_lives_on(world):
    user = UserFactory(password=make_password(PASSWORD, hasher="pbkdf2_sha256"))
    assert UserCache(Context.WEB).get_user(user.pk)
    key = login(user.email, PASSWORD).json()["session_key"]
    world.redis().flushdb()
    assert is_logged_in(client_of(key))
    assert User.objects.get(pk=user.pk).password.startswith("argon2")


@pytest.mark.context("web")
def test_a_renewed_hash_does_not_undo_a_change_of_the_password_that_came_first():
    user = UserFactory(password=make_password(PASSWORD, hasher="pbkdf2_sha256"))
    user_set_password(user=User.objects.get(pk=user.pk), password="another-long-one")
    assert not user_check_password(user=user, password=PASSWORD)
    assert User.objects.get(pk=user.pk).check_password("another-long-one")


@pytest.mark.context("web")
def test_of_two_logins_at_once_one_renews_the_hash_and_both_go_on():
    user = UserFactory(password=make_password(PASSWORD, hasher="pbkdf2_sha256"))
    first, second = User.objects.get(pk=user.pk), User.objects.get(pk=user.pk)
    assert user_check_password(user=first, password=PASSWORD)
    assert user_check_password(user=second, password=PASSWORD)
    assert first.password == second.password == User.objects.get(pk=user.pk).password


@pytest.mark.context("web")
def test_a_rolled_back_change_invalidates_nothing(world):
    user = UserFactory()
    UserCache(Context.WEB).get_user(user.pk)
    with transaction.atomic(using="identity"):
        invalidate_on_commit(USERS.deletable_keys(user.pk), using="identity")
        transaction.set_rollback(True, using="identity")
    assert cached_users(world) == [f"identity:user:web:{user.pk}"]
    assert pending(world) == []


@pytest.mark.context("web")
def test_what_a_crash_between_commit_and_unlink_leaves_is_replayed_by_the_next_process(world):
    user = UserFactory()
    UserCache(Context.WEB).get_user(user.pk)
    keys = [(key,) for key in USERS.deletable_keys(user.pk)]
    world.superuser("identity").cursor().executemany("INSERT INTO cache_invalidations (key) VALUES (%s)", keys)
    assert replay("identity") == 3
    assert cached_users(world) == []
    assert pending(world) == []


def test_a_change_made_in_maintenance_is_recorded_and_replayed_by_an_application(as_context, world):
    user = UserFactory()
    with as_context("web"):
        UserCache(Context.WEB).get_user(user.pk)
    user_set_password(user=user, password="an entirely new one")
    assert len(pending(world)) == 3
    with as_context("web"):
        assert replay("identity") == 3
    assert cached_users(world) == []


def test_an_operator_ends_a_persons_sessions_in_every_context_without_seeing_their_data(as_context, world):
    user = UserFactory(permissions={"admin": ["*"]})
    for context in ("web", "telegram", "admin"):
        with as_context(context):
            session_open(user=user)
    with as_context("admin"):
        assert user_sessions_revoke(user_id=user.pk) == {"web": 1, "telegram": 1, "admin": 1}
    assert world.superuser("identity").execute("SELECT count(*) FROM sessions").fetchone() == (0,)
    with world.redis() as client:
        assert client.keys("identity:session:*") == []
    assert pending(world) == []


@pytest.mark.context("web")
def test_only_the_admin_context_revokes_other_peoples_sessions(world):
    user = UserFactory()
    session_open(user=user)
    with pytest.raises(ForeignContext):
        user_sessions_revoke(user_id=user.pk)
    assert world.superuser("identity").execute("SELECT count(*) FROM sessions").fetchone() == (1,)
