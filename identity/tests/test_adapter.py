"""The identity adapter's reads carry the filter by context, and it is made for the process's own context only."""

import pytest
from django.db import connections

from exchanger.kernel.contexts import Context, ForeignContext, NoContext
from identity.adapter import IdentityAdapter
from identity.services.sessions import session_open
from identity.tests.factories import UserFactory


def test_a_session_is_found_in_its_own_context_and_in_no_other(as_context, world):
    user = UserFactory()
    with as_context("admin"):
        key = session_open(user=user).session_key
        assert IdentityAdapter(Context.ADMIN).find_session(key).user_id == user.pk
    with as_context("web"):
        assert IdentityAdapter(Context.WEB).find_session(key) is None
    world.superuser("identity").execute("UPDATE sessions SET expires_at = now()")
    with as_context("admin"):
        assert IdentityAdapter(Context.ADMIN).find_session(key) is None


@pytest.mark.parametrize("context", list(Context))
def test_permissions_are_those_of_the_context(context, as_context):
    user = UserFactory(permissions={"web": ["web.trade"], "admin": ["*"], "telegram": ["bot.view_all"]})
    expected = {Context.WEB: ["web.trade"], Context.ADMIN: ["*"], Context.TELEGRAM: ["bot.view_all"]}
    with as_context(context):
        found = IdentityAdapter(context).find_user_permissions(user.pk)
        assert [granted.permission for granted in found] == expected[context]


@pytest.mark.parametrize("context", list(Context))
def test_people_are_found_in_one_statement_and_without_their_password_hashes(
    context, as_context, django_assert_num_queries
):
    users = [UserFactory() for _ in range(3)]
    with as_context(context):
        adapter = IdentityAdapter(context)
        with django_assert_num_queries(1, connection=connections["identity"]) as sent:
            found = adapter.find_users(user.pk for user in users)
        assert found == {user.pk: user for user in users}
        assert adapter.find_user_by_email(users[0].email.upper()) == users[0]
    assert "password_hash" not in sent.captured_queries[0]["sql"]


@pytest.mark.context("web")
@pytest.mark.parametrize("foreign", [Context.ADMIN, Context.TELEGRAM])
def test_another_contexts_adapter_is_refused(foreign):
    with pytest.raises(ForeignContext):
        IdentityAdapter(foreign)


@pytest.mark.usefixtures("world")
def test_a_process_without_a_context_has_no_adapter():
    with pytest.raises(NoContext):
        IdentityAdapter(Context.WEB)
