"""Opening an account, confirming its address and keeping its profile, over HTTP, with the mails of the worker."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from rest_framework.test import APIClient

from identity.models import User
from identity.tests.accounts import (
    AUTH,
    NEW_PASSWORD,
    aged,
    bearer,
    everything,
    in_threads,
    is_logged_in,
    is_the_one_shape,
    login,
    post,
    token,
)
from identity.tests.factories import PASSWORD, UserFactory
from identity.tokens import RESET, VERIFICATION

pytestmark = pytest.mark.context("web")
ANNA = "anna@example.com"


def register(email=ANNA, password=PASSWORD, **extra):
    return post("register", {"email": email, "password": password, **extra})


# --- Registration


def test_a_person_registers_confirms_the_address_by_the_mail_and_logs_in(world, read_mail):
    answer = register("Anna@Example.com", display_name="Anna", language="en")
    assert answer.status_code == 202
    assert not answer.cookies
    assert everything(world)["sessions"] == []
    [message] = read_mail()
    assert (message.to, message.subject) == ([ANNA], "Confirm your e-mail address")
    account = login(ANNA, PASSWORD).json()["user"]
    assert account["email_verified"] is False
    for _ in range(2):  # a second click changes nothing
        assert post("email/verify", {"token": token(message)}).status_code == 204
        assert login(ANNA, PASSWORD).json()["user"] == {**account, "email_verified": True}


def test_a_taken_address_gets_the_same_answer_and_its_owner_a_mail_that_opens_the_account(world, read_mail):
    fresh = register("new@example.com", NEW_PASSWORD)
    read_mail()
    owner = UserFactory(email=ANNA)
    before = everything(world)
    taken = register("ANNA@example.com", NEW_PASSWORD, display_name="Mallory", language="ru")
    assert (taken.status_code, taken.json()) == (fresh.status_code, fresh.json())
    assert {**everything(world), "jobs": None} == {**before, "jobs": None}
    assert login(ANNA, NEW_PASSWORD).status_code == 401
    [message] = read_mail()
    assert (message.to, message.subject) == ([ANNA], "You already have an account")
    assert "Mallory" not in message.body
    reset = post("password/reset/confirm", {"token": token(message), "password": NEW_PASSWORD})
    assert reset.status_code == 204
    assert login(ANNA, NEW_PASSWORD).json()["user"]["id"] == str(owner.pk)


def test_who_registered_a_strangers_address_loses_the_account_to_its_owner(read_mail):
    register(password="the thief's password")
    thief = bearer(User.objects.get(email=ANNA))
    read_mail()
    register(password=PASSWORD)
    [message] = read_mail()
    post("password/reset/confirm", {"token": token(message), "password": NEW_PASSWORD})
    assert not is_logged_in(thief)
    assert login(ANNA, "the thief's password").status_code == 401
    assert login(ANNA, NEW_PASSWORD).json()["user"]["email_verified"] is True


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"password": "short"}, "password"),
        ({"password": "1234567890123"}, "password"),
        ({"password": "password1234"}, "password"),
        ({"password": "anna@example.com"}, "password"),
        ({"password": "x" * 1025}, "password"),
        ({"password": ""}, "password"),
        ({"email": "nobody"}, "email"),
        ({"email": f"{'a' * 252}@b.cd"}, "email"),
        ({"email": "a\0b@example.com"}, "email"),
        ({"email": f"{'a' * 180}@{'İ' * 20}.{'İ' * 20}.{'İ' * 20}.cd"}, "email"),
        ({"language": "de"}, "language"),
        ({"display_name": "x" * 256}, "display_name"),
    ],
)
@pytest.mark.parametrize("taken", [False, True])
def test_a_refused_registration_leaves_nothing_and_is_the_same_for_a_taken_address(sent, field, taken, world):
    if taken:
        UserFactory(email=ANNA)
    before = everything(world)
    assert is_the_one_shape(register(**sent), field)
    assert everything(world) == before


def test_registration_costs_the_same_hashing_and_hardly_other_statements_for_a_taken_address(
    hashes, django_assert_num_queries
):
    with (
        django_assert_num_queries(5, connection=connections["identity"]),
        django_assert_num_queries(1, connection=connections["web"]),
    ):
        register()
    assert hashes.done() == 1
    with (
        django_assert_num_queries(4, connection=connections["identity"]),  # all but the profile
        django_assert_num_queries(1, connection=connections["web"]),
    ):
        register()
    assert hashes.done() == 1


def test_of_two_registrations_at_once_one_makes_the_account_and_the_other_is_told_by_mail(world, read_mail):
    answers = in_threads(register, lambda: register(password=NEW_PASSWORD))
    assert [answer.status_code for answer in answers] == [202, 202]
    made = everything(world)
    assert (len(made["users"]), len(made["user_profiles"])) == (1, 1)
    assert {message.subject for message in read_mail()} == {
        "Confirm your e-mail address",
        "You already have an account",
    }
    assert sorted(login(ANNA, password).status_code for password in (PASSWORD, NEW_PASSWORD)) == [200, 401]


def test_a_registration_that_meets_one_under_way_waits_for_its_end(world, read_mail):
    owner = world.superuser("identity")
    with ThreadPoolExecutor(1) as pool:
        with owner.transaction():
            owner.execute("INSERT INTO users (email, password_hash) VALUES (%s, '!')", (ANNA,))
            answer = pool.submit(in_threads, register)
            wait_until_blocked(world.superuser("web"))  # another connection: a transaction sees one moment
        assert answer.result()[0].status_code == 202
    assert len(everything(world)["users"]) == 1
    assert [message.subject for message in read_mail()] == ["You already have an account"]


def wait_until_blocked(connection):
    blocked = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'exchanger_web' AND wait_event_type = 'Lock'"
    for _ in range(100_000):
        if connection.execute(blocked).fetchone()[0]:
            return
    raise AssertionError("the request did not wait for the row")


# --- Confirming the address


def test_the_mail_of_confirmation_is_sent_again_while_it_is_due_and_every_address_gets_the_same_answer(read_mail):
    UserFactory(email=ANNA, email_verified=False)
    UserFactory(email="boris@example.com")
    answers = [post("email/resend", {"email": email}) for email in (ANNA, "boris@example.com", "nobody@example.com")]
    assert {(answer.status_code, answer.content) for answer in answers} == {(202, answers[0].content)}
    [message] = read_mail()
    assert message.to == [ANNA]
    assert post("email/verify", {"token": token(message)}).status_code == 204


@pytest.mark.parametrize("known", [True, False])
def test_asking_again_costs_the_same_whether_or_not_there_is_an_account(known, django_assert_num_queries):
    if known:
        UserFactory(email=ANNA, email_verified=False)
    with (
        django_assert_num_queries(1, connection=connections["identity"]),
        django_assert_num_queries(1, connection=connections["web"]),
    ):
        post("email/resend", {"email": ANNA})


def dead_tokens():
    """Tokens that confirm nothing of the person of that name, each made by a function of the person."""
    return {
        "too old": lambda user: aged(VERIFICATION, user, VERIFICATION.seconds + 5),
        "of another purpose": RESET.make,
        "cut": lambda user: VERIFICATION.make(user)[:-1],
        "of another person": lambda user: VERIFICATION.make(UserFactory.build(email=user.email)),
        "of another address": lambda user: VERIFICATION.make(User(id=user.pk, email="other@example.com")),
        "no token": lambda user: "nonsense",
        "not ASCII": lambda user: "і:ї:є",
    }


@pytest.mark.parametrize("kind", dead_tokens())
def test_a_dead_token_confirms_nothing(kind, world):
    user = UserFactory(email_verified=False)
    sent = dead_tokens()[kind](user)
    before = everything(world)
    assert is_the_one_shape(post("email/verify", {"token": sent}), "token")
    assert everything(world) == before


def test_a_token_is_good_until_its_last_hour():
    user = UserFactory(email_verified=False)
    sent = aged(VERIFICATION, user, VERIFICATION.seconds - 600)
    assert post("email/verify", {"token": sent}).status_code == 204
    assert User.objects.get(pk=user.pk).email_verified


def test_a_confirmation_reaches_a_warm_session_at_once(django_assert_num_queries):
    user = UserFactory(email_verified=False)
    client = bearer(user)
    assert client.get(AUTH + "me").json()["email_verified"] is False
    with django_assert_num_queries(8, connection=connections["identity"]):
        post("email/verify", {"token": VERIFICATION.make(user)})
    assert client.get(AUTH + "me").json()["email_verified"] is True
    with django_assert_num_queries(3, connection=connections["identity"]):
        post("email/verify", {"token": VERIFICATION.make(user)})


# --- The profile


def test_a_profile_is_read_and_changed_field_by_field(django_assert_num_queries):
    user = UserFactory(profile__display_name="Anna")
    client = bearer(user)
    client.get(AUTH + "me")
    with django_assert_num_queries(1, connection=connections["identity"]):
        before = client.get(AUTH + "profile").json()
    assert before == {"display_name": "Anna", "phone": "", "language": "en", "time_zone": "UTC"}
    with django_assert_num_queries(2, connection=connections["identity"]):
        answer = client.patch(AUTH + "profile", {"phone": "+380 44 123-45-67", "time_zone": "Europe/Kyiv"})
    after = {**before, "phone": "+380441234567", "time_zone": "Europe/Kyiv"}
    assert (answer.status_code, answer.json()) == (200, after)
    assert client.patch(AUTH + "profile", {"phone": "", "language": "uk"}).status_code == 200
    assert client.get(AUTH + "profile").json() == {**after, "phone": "", "language": "uk"}


def test_who_has_no_profile_yet_gets_one_with_the_first_change(world):
    client = bearer(UserFactory())
    world.superuser("identity").execute("DELETE FROM user_profiles")
    assert client.get(AUTH + "profile").json()["language"] == "en"
    assert client.patch(AUTH + "profile", {"display_name": "Anna"}).status_code == 200
    assert client.get(AUTH + "profile").json()["display_name"] == "Anna"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("phone", "123"),
        ("phone", "044 123 45 67"),
        ("phone", "+38044"),
        ("phone", "+999 123 456 789"),
        ("phone", "+380441234567; DROP"),
        ("time_zone", "Kyiv"),
        ("time_zone", "../etc/passwd"),
        ("time_zone", ""),
        ("language", "de"),
        ("display_name", "x" * 256),
        ("display_name", None),
    ],
)
def test_a_wrong_value_is_named_and_changes_nothing(field, value, world):
    client = bearer(UserFactory())
    before = everything(world)
    answer = client.patch(AUTH + "profile", {"display_name": "changed", field: value})
    assert is_the_one_shape(answer, field)
    assert everything(world)["user_profiles"] == before["user_profiles"]


def test_a_profile_is_for_whoever_has_a_session():
    assert APIClient().get(AUTH + "profile").status_code == 401
    assert APIClient().patch(AUTH + "profile", {"display_name": "x"}).status_code == 401
