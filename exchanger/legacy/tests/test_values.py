"""Values: times, codes, words, ids and hashes become what they are here."""

import uuid

import bcrypt
from django.contrib.auth.hashers import check_password, identify_hasher

from exchanger.kernel.legacy_ids import uuid_of, uuid_of_sql
from exchanger.legacy.tests.old_platform import BCRYPT
from identity.models import User, UserPermission, UserProfile
from identity.tests.accounts import login
from web.models import Order


def test_times_without_a_zone_are_of_the_one_that_is_stated(old, take, as_context):
    old.person(created_at="2025-07-01 12:00:00", updated_at="2025-01-01 12:00:00")

    take(old, zone="Europe/Kyiv", only=["users"])

    with as_context(None):
        user = User.objects.get()
    assert user.created_at.isoformat() == "2025-07-01T09:00:00+00:00"
    assert user.updated_at.isoformat() == "2025-01-01T10:00:00+00:00"
    assert user.password_changed_at == user.created_at


def test_times_in_text_say_their_zone_or_take_it(old, take, as_context):
    old.connection.execute("ALTER TABLE users ALTER created_at TYPE text, ALTER updated_at TYPE text")
    old.person(created_at="2025-07-01T12:00:00.25+05:30", updated_at="2025-07-01")

    take(old, zone="Europe/Kyiv", only=["users"])

    with as_context(None):
        user = User.objects.get()
    assert user.created_at.isoformat() == "2025-07-01T06:30:00.250000+00:00"
    assert user.updated_at.isoformat() == "2025-06-30T21:00:00+00:00"


def test_codes_words_and_addresses_are_the_platforms(old, take, as_context):
    user = old.person(email=" Olena@Example.COM ")
    old.add("user_profiles", user_id=user, display_name=" Olena ", language="ua", time_zone="Europe/Kyiv")
    old.add("orders", user_id=user, from_currency=" rur", to_currency="btc", status="Canceled")

    take(old, only=["users", "user_profiles", "orders"])

    with as_context(None):
        profile = UserProfile.objects.select_related("user").get()
        order = Order.objects.get()
    assert (profile.user.email, profile.display_name, profile.language) == ("olena@example.com", "Olena", "uk")
    assert (order.from_currency, order.to_currency, order.status) == ("RUB", "BTC", "cancelled")


def test_permissions_are_split_by_context(old, take, as_context):
    user = old.person()
    kept = old.add("user_permissions", user_id=user, permission="web.view_order", application_context="web")
    old.add("user_permissions", user_id=user, permission="bot.manage")
    old.add("user_permissions", user_id=user, permission="orders.view")
    old.add("user_permissions", user_id=user, permission="orders.manage", application_context="web")

    outcome = take(old, only=["users", "user_permissions"])

    with as_context(None):
        found = set(UserPermission.objects.values_list("application_context", "permission"))
        assert UserPermission.objects.get(permission="web.view_order", application_context="web").pk == kept
    assert found == {
        ("web", "web.view_order"),
        ("admin", "bot.view_conversation"),
        ("admin", "bot.view_notification"),
        ("telegram", "bot.view_all"),
        ("admin", "web.view_order"),
        ("admin", "web.view_payment"),
        ("admin", "web.view_transaction"),
        ("admin", "web.change_order"),
    }
    # Two old permissions give some of the same: said twice, it is there once and is no loss.
    assert (outcome.totals["user_permissions"].same, outcome.rejects) == (2, 0)


def test_integer_keys_become_the_ids_that_python_works_out(world):
    for key in (1, 17, 2**40):
        statement = f"SELECT {uuid_of_sql(f'{chr(39)}auth_user:{key}{chr(39)}')}"
        assert world.superuser("web").execute(statement.encode()).fetchone() == (uuid_of("auth_user", key),)
    assert uuid_of("auth_user", 1).version == 3
    assert uuid_of("auth_user", 1) == uuid.UUID("99a55b52-bbe8-3e64-b728-5b41b6243d5e")


def test_people_log_in_with_the_password_that_node_had_hashed(old, take, as_context):
    for form in ("2a", "2b", "2y"):
        old.person(email=f"Olena.{form}@example.com", password_hash=BCRYPT.replace("2b", form, 1))
    take(old, only=["users"])

    with as_context("web"):
        assert login("olena.2a@example.com", "y" * 10).status_code == 401
        for form in ("2a", "2b", "2y"):
            assert login(f"olena.{form}@example.com", "x" * 10).status_code == 200
    with as_context(None):
        stored = User.objects.values_list("password", flat=True)
        assert {identify_hasher(each).algorithm for each in stored} == {"argon2"}
        assert check_password("x" * 10, stored[0])


def test_of_a_long_password_bcrypt_knows_the_beginning():
    stored = f"bcrypt${bcrypt.hashpw(b'z' * 72, bcrypt.gensalt(4)).decode()}"
    assert check_password("z" * 80, stored)
    assert not check_password("z" * 71, stored)
