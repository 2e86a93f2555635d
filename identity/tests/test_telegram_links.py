"""A Telegram account is linked by a code of web's, once, and unlinked from either side with all its sessions."""

import threading
from datetime import timedelta

import psycopg
import pytest
from django.db import connections, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from exchanger.kernel.cache.invalidation import replay_all
from exchanger.kernel.contexts import ForeignContext
from exchanger.kernel.throttled import Throttled
from exchanger.testing.outages import frozen_redis
from identity.cache import UserCache, invalidate_user_cache
from identity.link_codes import LIFE, code_hash
from identity.models import User
from identity.services.passwords import password_reset
from identity.services.telegram import NotLinked, telegram_session_open
from identity.services.telegram_links import (
    LinkRefused,
    link_code_create,
    link_confirm,
    link_preview,
    telegram_account_unlink,
    telegram_unlink,
)
from identity.services.throttling import LINK_CODE, LINK_GUESS
from identity.services.users import user_set_password
from identity.tests.accounts import AUTH, NEW_PASSWORD, bearer, client_of, everything, in_threads, is_logged_in
from identity.tests.factories import UserFactory
from identity.tests.guesses import counters, fail, pass_seconds
from identity.tokens import RESET

LINK, CODE = AUTH + "telegram", AUTH + "telegram/link-code"
TELEGRAM_ID = 5001
WRONG = "ABCD2345EFGH"
web, telegram = pytest.mark.context("web"), pytest.mark.context("telegram")


@pytest.fixture
def anna():
    return UserFactory(email="anna@example.com")


@pytest.fixture
def code_for(as_context):
    """A code as web gives it out."""

    def make(user):
        with as_context("web"):
            return link_code_create(user_id=user.pk).code

    return make


def links(world):
    """Who has linked what, and which codes there are: all that linking changes but sessions."""
    identity = world.superuser("identity")
    profiles = identity.execute(
        "SELECT user_id, telegram_user_id FROM user_profiles WHERE telegram_user_id IS NOT NULL ORDER BY 2"
    ).fetchall()
    return profiles, sorted(identity.execute("SELECT code_hash FROM telegram_link_codes").fetchall())


def sessions(world):
    rows = world.superuser("identity").execute("SELECT user_id, application_context FROM sessions ORDER BY 2")
    return rows.fetchall()


def outcome(attempt, **kwargs):
    """``linked``, or the code that it is refused with."""
    try:
        attempt(**kwargs)
    except LinkRefused as refused:
        return refused.code
    return "linked"


# --- Web: asking for a code, seeing the link, unlinking


@web
def test_a_code_is_shown_once_with_a_link_to_the_bot_and_only_its_hash_is_kept(
    world, anna, settings, django_assert_num_queries
):
    settings.TELEGRAM_BOT_USERNAME = "exchanger_bot"
    client = bearer(anna)
    is_logged_in(client)
    asked_at = timezone.now()
    with django_assert_num_queries(2, connection=connections["identity"]):
        answer = client.post(CODE)
    assert answer.status_code == 201
    said = answer.json()
    assert said["deep_link"] == f"https://t.me/exchanger_bot?start={said['code']}"
    assert LIFE <= timezone.datetime.fromisoformat(said["expires_at"]) - asked_at < LIFE + timedelta(minutes=1)
    assert links(world) == ([], [(code_hash(said["code"]),)])
    assert said["code"] not in str(everything(world))


@web
def test_without_the_bots_name_there_is_a_code_and_no_link(anna):
    said = bearer(anna).post(CODE).json()
    assert said["deep_link"] is None
    assert len(said["code"]) == 12


@web
def test_a_new_code_takes_the_place_of_the_one_before(world, anna, as_context):
    client = bearer(anna)
    first, second = (client.post(CODE).json()["code"] for _ in range(2))
    assert links(world)[1] == [(code_hash(second),)]
    with as_context("telegram"):
        assert outcome(link_confirm, code=first, telegram_user_id=TELEGRAM_ID) == "unknown_code"
        assert outcome(link_confirm, code=second, telegram_user_id=TELEGRAM_ID) == "linked"


@web
def test_who_has_a_telegram_account_gets_no_code(world):
    client = bearer(UserFactory(profile__telegram_user_id=TELEGRAM_ID))
    before = links(world)
    answer = client.post(CODE)
    assert (answer.status_code, answer.json()["code"]) == (409, "already_linked")
    assert links(world) == before


@web
def test_a_person_gets_only_so_many_codes(world, anna):
    fail(LINK_CODE, str(anna.pk))
    before = links(world)
    answer = bearer(anna).post(CODE)
    assert (answer.status_code, answer.json()["code"]) == (429, "throttled")
    assert links(world) == before
    assert bearer(UserFactory()).post(CODE).status_code == 201


@web
def test_a_person_sees_whether_an_account_is_linked_and_never_which(world, anna, code_for, as_context):
    assert bearer(anna).get(LINK).json() == {"linked": False, "linked_since": None}
    code = code_for(anna)
    with as_context("telegram"):
        link_confirm(code=code, telegram_user_id=TELEGRAM_ID)
    client = bearer(anna)
    is_logged_in(client)
    answer = client.get(LINK)
    assert set(answer.json()) == {"linked", "linked_since"}
    assert answer.json()["linked"] is True
    since = timezone.datetime.fromisoformat(answer.json()["linked_since"])
    assert timezone.now() - since < timedelta(minutes=1)
    with_no_time = UserFactory(profile__telegram_user_id=TELEGRAM_ID + 1)
    assert bearer(with_no_time).get(LINK).json() == {"linked": True, "linked_since": None}


@web
def test_nobody_sees_links_or_unlinks_without_a_session(world):
    UserFactory(profile__telegram_user_id=TELEGRAM_ID)
    before = links(world)
    answers = [APIClient().get(LINK), APIClient().delete(LINK), APIClient().post(CODE)]
    assert [answer.status_code for answer in answers] == [401, 401, 401]
    assert links(world) == before


@web
def test_unlinking_from_web_ends_the_telegram_sessions_in_every_copy_and_no_others(world, as_context):
    anna, boris = UserFactory(profile__telegram_user_id=TELEGRAM_ID), UserFactory(profile__telegram_user_id=9)
    with as_context("telegram"):
        keys = [telegram_session_open(telegram_user_id=number).session_key for number in (TELEGRAM_ID, 9, TELEGRAM_ID)]
        assert all(is_logged_in(client_of(key)) for key in keys)  # warm in Redis
    client = bearer(anna)
    assert client.delete(LINK).status_code == 204
    assert links(world) == ([(boris.pk, 9)], [])
    assert sessions(world) == [(boris.pk, "telegram"), (anna.pk, "web")]
    assert is_logged_in(client)
    with as_context("telegram"):
        assert [is_logged_in(client_of(key)) for key in keys] == [False, True, False]
        with pytest.raises(NotLinked):
            telegram_session_open(telegram_user_id=TELEGRAM_ID)
        replay_all()
    with world.redis() as redis:
        assert len(redis.keys("identity:session:telegram:*")) == 1
    assert everything(world)["cache_invalidations"] == []
    assert client.delete(LINK).status_code == 204  # again: it stays so


@web
def test_a_session_of_before_stays_dead_when_the_same_account_is_linked_again(world, code_for, as_context):
    anna = UserFactory(profile__telegram_user_id=TELEGRAM_ID)
    with as_context("telegram"):
        old = telegram_session_open(telegram_user_id=TELEGRAM_ID).session_key
        assert is_logged_in(client_of(old))
    assert telegram_unlink(user_id=anna.pk)
    code = code_for(anna)
    with as_context("telegram"):  # which has not asked for the old session in between: its copy is in Redis still
        new = link_confirm(code=code, telegram_user_id=TELEGRAM_ID).session.session_key
        assert is_logged_in(client_of(new))
        assert not is_logged_in(client_of(old))


@web
def test_unlinking_ends_a_code_that_was_given_out(world, anna):
    code = link_code_create(user_id=anna.pk)
    assert code.deep_link is None
    assert not telegram_unlink(user_id=anna.pk)
    assert links(world) == ([], [])


@web
def test_unlinking_that_cannot_reach_redis_says_so_and_is_finished_all_the_same(world, settings, as_context):
    settings.REDIS_PROBE_SECONDS = 3600.0
    anna = UserFactory(profile__telegram_user_id=TELEGRAM_ID)
    with as_context("telegram"):
        key = telegram_session_open(telegram_user_id=TELEGRAM_ID).session_key
        assert is_logged_in(client_of(key))
    client = bearer(anna)
    is_logged_in(client)
    with frozen_redis(world):
        answer = client.delete(LINK)
        assert (answer.status_code, answer.json()["code"]) == (503, "end_unconfirmed")
        assert (links(world), sessions(world)) == (([], []), [(anna.pk, "web")])
    with as_context("telegram"):
        replay_all()  # as every process does before it believes in Redis again, and each minute
        assert not is_logged_in(client_of(key))
    assert everything(world)["cache_invalidations"] == []


# --- Telegram: redeeming


@telegram
def test_a_code_shows_a_masked_address_and_then_links_once(world, anna, code_for, django_assert_num_queries):
    code = code_for(anna)
    with django_assert_num_queries(4, connection=connections["identity"]):
        assert link_preview(code=code.lower(), telegram_user_id=TELEGRAM_ID) == "a***@e***.com"
    assert links(world) == ([], [(code_hash(code),)])
    linked = link_confirm(code=f"{code[:4]}-{code[4:]}", telegram_user_id=TELEGRAM_ID)
    assert linked.user_id == anna.pk
    assert links(world) == ([(anna.pk, TELEGRAM_ID)], [])
    assert sessions(world) == [(anna.pk, "telegram")]
    assert is_logged_in(client_of(linked.session.session_key))
    assert outcome(link_confirm, code=code, telegram_user_id=TELEGRAM_ID) == "already_linked"  # a repeated update
    assert outcome(link_confirm, code=code, telegram_user_id=TELEGRAM_ID + 1) == "unknown_code"
    assert sessions(world) == [(anna.pk, "telegram")]


@telegram
def test_linking_tells_the_other_applications_caches(world, anna, code_for, as_context):
    code = code_for(anna)
    with as_context("web"):
        is_logged_in(bearer(anna))
    before = everything(world)["keys"]
    assert f"identity:user:web:{anna.pk}".encode() in before
    link_confirm(code=code, telegram_user_id=TELEGRAM_ID)
    assert f"identity:user:web:{anna.pk}".encode() not in everything(world)["keys"]


@telegram
def test_a_person_without_a_profile_is_linked_too(world, code_for):
    anna = UserFactory(profile=None)
    world.superuser("identity").execute("DELETE FROM user_profiles")
    link_confirm(code=code_for(anna), telegram_user_id=TELEGRAM_ID)
    assert links(world) == ([(anna.pk, TELEGRAM_ID)], [])


EXPIRED = "UPDATE telegram_link_codes SET expires_at = now()"
CHANGED = "UPDATE users SET password_changed_at = now()"


@telegram
@pytest.mark.parametrize("attempt", [link_preview, link_confirm])
@pytest.mark.parametrize("end", [EXPIRED, CHANGED])
def test_an_expired_code_and_one_from_before_a_change_of_password_are_no_codes(world, anna, code_for, end, attempt):
    code = code_for(anna)
    world.superuser("identity").execute(end)
    before = links(world)
    assert outcome(attempt, code=code, telegram_user_id=TELEGRAM_ID) == "unknown_code"
    assert (links(world), sessions(world)) == (before, [])


@telegram
@pytest.mark.parametrize("attempt", [link_preview, link_confirm])
def test_an_account_that_is_somebody_elses_is_refused_and_nothing_changes(world, anna, code_for, attempt):
    UserFactory(profile__telegram_user_id=TELEGRAM_ID)
    code = code_for(anna)
    before = links(world)
    assert outcome(attempt, code=code, telegram_user_id=TELEGRAM_ID) == "telegram_linked"
    assert (links(world), sessions(world)) == (before, [])
    assert outcome(attempt, code=code, telegram_user_id=TELEGRAM_ID + 1) == "linked"  # the code is good still


@telegram
@pytest.mark.parametrize("attempt", [link_preview, link_confirm])
def test_a_person_who_was_linked_meanwhile_keeps_that_account(world, anna, code_for, attempt):
    code = code_for(anna)
    world.superuser("identity").execute("UPDATE user_profiles SET telegram_user_id = %s", (TELEGRAM_ID,))
    before = links(world)
    assert outcome(attempt, code=code, telegram_user_id=TELEGRAM_ID + 1) == "account_linked"
    assert outcome(attempt, code=code, telegram_user_id=TELEGRAM_ID) == "already_linked"
    assert (links(world), sessions(world)) == (before, [])


@telegram
@pytest.mark.parametrize("attempt", [link_preview, link_confirm])
@pytest.mark.parametrize("linked", [True, False])
def test_a_telegram_account_guesses_only_so_often_and_no_code_of_its_own_makes_up_for_it(
    world, anna, code_for, attempt, linked
):
    if linked:
        UserFactory(profile__telegram_user_id=TELEGRAM_ID)
    code = code_for(anna)
    for _ in range(LINK_GUESS.free - 1):
        assert outcome(attempt, code=WRONG, telegram_user_id=TELEGRAM_ID) in ("unknown_code", "already_linked")
    outcome(link_preview, code=code, telegram_user_id=TELEGRAM_ID)
    outcome(attempt, code=WRONG, telegram_user_id=TELEGRAM_ID)
    before = links(world), counters(world)
    with pytest.raises(Throttled):
        attempt(code=code, telegram_user_id=TELEGRAM_ID)
    assert (links(world), counters(world)) == before
    assert link_preview(code=code, telegram_user_id=TELEGRAM_ID + 1)  # nobody else has to wait
    pass_seconds(world, LINK_GUESS.first_delay + 1)
    assert outcome(attempt, code=code, telegram_user_id=TELEGRAM_ID) == ("telegram_linked" if linked else "linked")


@telegram
def test_unlinking_from_the_chat_ends_the_sessions_in_every_copy(world, as_context, django_assert_num_queries):
    anna, boris = UserFactory(profile__telegram_user_id=TELEGRAM_ID), UserFactory(profile__telegram_user_id=9)
    mine, theirs = (telegram_session_open(telegram_user_id=number).session_key for number in (TELEGRAM_ID, 9))
    with as_context("web"):
        elsewhere = bearer(anna)
        is_logged_in(elsewhere)
    assert is_logged_in(client_of(mine))
    assert telegram_account_unlink(telegram_user_id=TELEGRAM_ID) == anna.pk
    with world.redis() as redis:
        assert len(redis.keys("identity:session:telegram:*")) == 1
    assert links(world) == ([(boris.pk, 9)], [])
    assert sessions(world) == [(boris.pk, "telegram"), (anna.pk, "web")]
    assert not is_logged_in(client_of(mine))
    assert is_logged_in(client_of(theirs))
    assert telegram_account_unlink(telegram_user_id=TELEGRAM_ID) is None
    with as_context("web"):
        assert is_logged_in(elsewhere)


@telegram
def test_a_change_of_password_ends_the_session_that_linking_opened_and_not_the_link(world, anna, code_for, as_context):
    key = link_confirm(code=code_for(anna), telegram_user_id=TELEGRAM_ID).session.session_key
    assert is_logged_in(client_of(key))
    with as_context("web"):
        user_set_password(user=anna, password="an entirely new one")
    assert not is_logged_in(client_of(key))
    assert links(world) == ([(anna.pk, TELEGRAM_ID)], [])
    again = telegram_session_open(telegram_user_id=TELEGRAM_ID).session_key
    assert is_logged_in(client_of(again))


@telegram
def test_an_account_that_is_deleted_takes_its_link_code_and_sessions_along(world, anna, code_for):
    key = link_confirm(code=code_for(anna), telegram_user_id=TELEGRAM_ID).session.session_key
    code = code_for(boris := UserFactory())
    world.superuser("identity").execute("DELETE FROM users WHERE id = ANY(%s)", ([anna.pk, boris.pk],))
    assert (links(world), sessions(world)) == (([], []), [])
    assert outcome(link_confirm, code=code, telegram_user_id=8) == "unknown_code"
    with pytest.raises(NotLinked):
        telegram_session_open(telegram_user_id=TELEGRAM_ID)
    assert key


@web
def test_each_side_does_its_own_part_only(world, anna, as_context):
    before = links(world)
    for attempt in (link_preview, link_confirm):
        with pytest.raises(ForeignContext):
            attempt(code=WRONG, telegram_user_id=TELEGRAM_ID)
    with pytest.raises(ForeignContext):
        telegram_account_unlink(telegram_user_id=TELEGRAM_ID)
    with as_context("telegram"):
        for attempt in (link_code_create, telegram_unlink):
            with pytest.raises(ForeignContext):
                attempt(user_id=anna.pk)
    assert links(world) == before


# --- Races


@telegram
def test_of_chats_that_redeem_one_code_together_one_is_linked(world, anna, code_for):
    for round_ in range(3):
        code = code_for(anna)
        ids = [100 * round_ + number for number in range(1, 7)]
        found = in_threads(*[_redeeming(code, number) for number in ids])
        assert sorted(found) == ["linked"] + ["unknown_code"] * 5
        winner = ids[found.index("linked")]
        assert links(world) == ([(anna.pk, winner)], [])
        assert sessions(world) == [(anna.pk, "telegram")]
        assert telegram_account_unlink(telegram_user_id=winner) == anna.pk


@telegram
def test_a_chat_that_redeems_the_codes_of_several_people_together_is_linked_to_one(world, code_for):
    people = [UserFactory() for _ in range(LINK_GUESS.free)]  # so many may be under way at once
    codes = [code_for(person) for person in people]
    found = in_threads(*[_redeeming(code, TELEGRAM_ID) for code in codes])
    assert sorted(found) == ["linked"] + ["telegram_linked"] * (len(people) - 1)
    winner = people[found.index("linked")]
    left = sorted((code_hash(code),) for code, done in zip(codes, found, strict=True) if done != "linked")
    assert links(world) == ([(winner.pk, TELEGRAM_ID)], left)
    assert sessions(world) == [(winner.pk, "telegram")]


@telegram
def test_linking_again_while_web_unlinks_leaves_one_of_the_two_and_no_session_without_a_link(world, anna, code_for):
    dsn = world.environments.for_process("web")["IDENTITY_DATABASE_URL"]
    for number in range(1, 9):
        code = code_for(anna)
        together = threading.Barrier(2)

        def unlink(together=together):
            with psycopg.connect(dsn, autocommit=True) as connection:
                together.wait()
                return connection.execute("SELECT unlink_telegram_of(%s)", (anna.pk,)).fetchone()[0]

        def link(together=together, code=code, number=number):
            together.wait()
            try:
                return link_confirm(code=code, telegram_user_id=number).session.session_key
            except LinkRefused as refused:
                return refused

        unlinked, linked = in_threads(unlink, link)
        # The code goes with an unlinking that came first; one that came after finds the link.
        assert unlinked or linked.code == "unknown_code"
        assert links(world) == ([], [])
        with pytest.raises(NotLinked):
            telegram_session_open(telegram_user_id=number)
        if isinstance(linked, str):  # opened, perhaps after the unlinking had ended all sessions that there were
            with transaction.atomic(using="identity"):
                invalidate_user_cache(anna.pk)  # as web's service does with its change
            assert not is_logged_in(client_of(linked))
        assert sessions(world) == []


@telegram
def test_a_session_that_is_opened_while_the_account_is_unlinked_is_dead(world, monkeypatch):
    UserFactory(profile__telegram_user_id=TELEGRAM_ID)

    class Overtaken(UserCache):
        def get_user(self, user_id):
            world.superuser("identity").execute("UPDATE user_profiles SET telegram_user_id = NULL")
            return super().get_user(user_id)

    monkeypatch.setattr("identity.services.telegram.UserCache", Overtaken)
    key = telegram_session_open(telegram_user_id=TELEGRAM_ID).session_key
    assert not is_logged_in(client_of(key))
    assert sessions(world) == []


def _redeeming(code, number):
    return lambda: outcome(link_confirm, code=code, telegram_user_id=number)


# --- Mails


def subjects(read_mail):
    return [(message.to, message.subject) for message in read_mail()]


@telegram
def test_linking_and_unlinking_in_the_chat_is_told_by_mail(anna, code_for, read_mail):
    code = code_for(anna)
    assert outcome(link_confirm, code=WRONG, telegram_user_id=TELEGRAM_ID) == "unknown_code"
    assert outcome(link_confirm, code=code, telegram_user_id=TELEGRAM_ID) == "linked"
    assert outcome(link_confirm, code=code, telegram_user_id=TELEGRAM_ID) == "already_linked"
    assert subjects(read_mail) == [([anna.email], "A Telegram account was linked")]
    assert telegram_account_unlink(telegram_user_id=TELEGRAM_ID) == anna.pk
    assert telegram_account_unlink(telegram_user_id=TELEGRAM_ID) is None
    assert subjects(read_mail) == [([anna.email], "Your Telegram account was unlinked")]


@web
def test_unlinking_on_the_website_is_told_by_mail(anna, world, read_mail):
    world.superuser("identity").execute("UPDATE user_profiles SET telegram_user_id = %s", [TELEGRAM_ID])
    client = bearer(anna)
    assert client.delete(LINK).status_code == 204
    assert subjects(read_mail) == [([anna.email], "Your Telegram account was unlinked")]
    client.delete(LINK)
    assert subjects(read_mail) == []


@telegram
def test_without_the_queue_the_account_is_linked_and_unlinked_all_the_same(anna, code_for, world):
    code, queue = code_for(anna), world.superuser("bot")
    queue.execute("REVOKE INSERT ON procrastinate_jobs FROM exchanger_telegram")
    try:
        link_confirm(code=code, telegram_user_id=TELEGRAM_ID)
        assert links(world)[0] == [(anna.pk, TELEGRAM_ID)]
        telegram_account_unlink(telegram_user_id=TELEGRAM_ID)
        assert links(world)[0] == []
    finally:
        queue.execute("GRANT INSERT ON procrastinate_jobs TO exchanger_telegram")


@web
def test_a_reset_of_the_password_keeps_the_link_and_its_mail_names_it(anna, world, read_mail):
    world.superuser("identity").execute("UPDATE user_profiles SET telegram_user_id = %s", [TELEGRAM_ID])
    password_reset(token=RESET.make(User.objects.get(pk=anna.pk)), password=NEW_PASSWORD)
    assert links(world)[0] == [(anna.pk, TELEGRAM_ID)]
    [message] = read_mail()
    assert message.subject == "Your password was changed"
    assert "***001" in message.body


@web
def test_a_reset_that_confirms_the_address_unlinks_what_a_stranger_may_have_linked(world, read_mail):
    user = UserFactory(email_verified=False)
    world.superuser("identity").execute("UPDATE user_profiles SET telegram_user_id = %s", [TELEGRAM_ID])
    password_reset(token=RESET.make(User.objects.get(pk=user.pk)), password=NEW_PASSWORD)
    assert links(world) == ([], [])
    assert {message.subject for message in read_mail()} == {
        "Your password was changed",
        "Your Telegram account was unlinked",
    }
