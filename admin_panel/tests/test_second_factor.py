"""The second factor: set up, asked for before anything else opens, taken once, reset when it is lost."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connections
from django.test import Client, override_settings
from django.urls import get_resolver, resolve

from admin_panel.factor_secrets import UnreadableSecret, decrypted, encrypted
from admin_panel.middleware import OPEN
from admin_panel.models import AuditLog, OperatorFactor, OperatorRecoveryCode
from admin_panel.services import factors
from admin_panel.services.actors import Actor
from admin_panel.services.factors import FACTOR_GUESS, MAY_RESET, RECOVERY_CODES, WrongCode
from admin_panel.tests.authenticators import STEP, Authenticator, authenticator_of
from admin_panel.tests.conftest import passed_session
from admin_panel.tests.test_audited_pages import addresses, concrete
from exchanger.kernel.cache.invalidation import replay_all
from identity.services.sessions import session_open
from identity.tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.context("admin")
LOGIN, CODE, NEW = "/admin/login/", "/admin/second-factor/", "/admin/second-factor/new/"
API = "/api/v1/auth/second-factor"


@pytest.fixture(autouse=True)
def required():
    with override_settings(OPERATORS_SECOND_FACTOR=True):
        yield


@pytest.fixture(autouse=True)
def clock(monkeypatch) -> Callable[[int], None]:
    """Puts the server's clock at a step; it stands still."""

    def stand_at(step: int) -> None:
        monkeypatch.setattr(factors, "current_step", lambda: step)

    stand_at(STEP)
    return stand_at


@pytest.fixture
def person():
    return UserFactory(email="operator@example.com", permissions={"admin": ["*"]})


@pytest.fixture
def half(visitor, person) -> Client:
    """A browser in which the operator has given the password, and no code yet."""
    visitor.cookies[settings.SESSION_COOKIE_NAME] = session_open(user=person).session_key
    return visitor


def browser_of(key: str) -> Client:
    client = Client(SERVER_NAME="localhost")
    client.cookies[settings.SESSION_COOKIE_NAME] = key
    return client


def trail() -> list[tuple[str, str]]:
    entries = AuditLog.objects.filter(action__startswith="factor.").select_related("result").order_by("created_at")
    return [(entry.action, entry.outcome) for entry in entries]


def recovery_codes(text: str) -> list[str]:
    return re.findall(r"<li>([A-Z0-9-]{19})</li>", text)


def shown_authenticator(page) -> Authenticator:
    return Authenticator(re.search(r'id="factor-secret">([A-Z2-7 ]+)<', page.text)[1].replace(" ", ""))


# --- Setting one up


def test_an_operator_without_a_factor_sets_one_up_after_the_password_and_comes_to_the_page_they_asked_for(
    visitor, person, world
):
    asked = visitor.get("/admin/web/order/")["Location"]
    logged_in = visitor.post(asked, {"username": person.email, "password": PASSWORD})
    sent = visitor.get(logged_in["Location"])
    assert sent["Location"] == f"{CODE}?next=%2Fadmin%2Fweb%2Forder%2F"
    sent = visitor.get(sent["Location"])
    assert sent["Location"] == f"{NEW}?next=%2Fadmin%2Fweb%2Forder%2F"
    assert visitor.get(sent["Location"]).status_code == 200
    begun = visitor.post(NEW, {"next": "/admin/web/order/"})
    assert "<svg" in begun.text
    authenticator = shown_authenticator(begun)
    again = visitor.post(NEW, {"code": authenticator.wrong_code(), "next": "/admin/web/order/"})
    assert shown_authenticator(again) == authenticator
    assert "This code is wrong" in again.text
    assert visitor.get("/admin/")["Location"].startswith(CODE)
    done = visitor.post(NEW, {"code": authenticator.code(), "next": "/admin/web/order/"})
    codes = recovery_codes(done.text)
    assert len(set(codes)) == RECOVERY_CODES
    assert 'href="/admin/web/order/"' in done.text
    assert visitor.get("/admin/web/order/").status_code == 200
    assert recovery_codes(visitor.get(NEW).text) == []
    assert trail() == [("factor.enrol", "done"), ("factor.confirm", "failed"), ("factor.confirm", "done")]
    stored = str(
        [
            world.superuser("admin").execute(f"SELECT t::text FROM {table} t").fetchall()
            for table in ("operator_factors", "operator_recovery_codes", "audit_logs")
        ]
    )
    assert authenticator.secret not in stored
    assert not [code for code in codes if code in stored or code.replace("-", "") in stored]


def test_the_code_that_confirmed_is_not_taken_again(half, person):
    authenticator = shown_authenticator(half.post(NEW))
    code = authenticator.code()
    half.post(NEW, {"code": code})
    other = browser_of(session_open(user=person).session_key)
    assert "This code is wrong, or was used" in other.post(CODE, {"code": code}).text
    assert other.get("/admin/")["Location"].startswith(CODE)


def test_what_another_session_has_begun_does_not_count_once_the_operator_begins(half, person):
    thief = browser_of(session_open(user=person).session_key)
    stolen = shown_authenticator(thief.post(NEW))
    own = shown_authenticator(half.post(NEW))
    assert "begun meanwhile" in thief.post(NEW, {"code": stolen.code()}).text
    assert "This code is wrong" in half.post(NEW, {"code": stolen.code()}).text
    assert len(recovery_codes(half.post(NEW, {"code": own.code()}).text)) == RECOVERY_CODES
    assert thief.get("/admin/")["Location"].startswith(LOGIN)  # other sessions end with the confirmation


def test_who_has_a_factor_and_gave_the_password_alone_cannot_put_another_in_its_place(half, person, everything):
    authenticator_of(person)
    half.get(CODE)
    before = everything()
    for form in ({}, {"code": "123456"}):
        assert half.post(NEW, form)["Location"] == f"{CODE}?next=%2Fadmin%2Fsecond-factor%2Fnew%2F"
    assert everything() == before


def test_a_new_factor_takes_the_place_of_the_old_one_once_it_is_confirmed(half, person, clock):
    old = authenticator_of(person)
    half.post(CODE, {"code": old.code()})
    new = shown_authenticator(half.post(NEW))
    clock(STEP + 2)
    other = browser_of(session_open(user=person).session_key)
    assert other.post(CODE, {"code": old.code()}).status_code == 302  # the old one counts until then
    half.post(NEW, {"code": new.code()})
    clock(STEP + 4)
    third = browser_of(session_open(user=person).session_key)
    assert third.post(CODE, {"code": old.code()}).status_code == 200
    assert third.post(CODE, {"code": new.code()}).status_code == 302


# --- Being asked


def test_the_code_opens_the_panel_under_a_new_key(half, person):
    authenticator = authenticator_of(person)
    before = half.cookies[settings.SESSION_COOKIE_NAME].value
    answer = half.post(
        f"{CODE}?next=/admin/web/order/", {"code": f"{authenticator.code()[:3]} {authenticator.code()[3:]}"}
    )
    assert answer["Location"] == "/admin/web/order/"
    assert half.get("/admin/").status_code == 200
    assert half.cookies[settings.SESSION_COOKIE_NAME].value != before
    assert browser_of(before).get("/admin/")["Location"].startswith(LOGIN)
    assert trail() == [("factor.pass", "done")]


def test_the_page_that_comes_after_is_one_of_ours(half, person):
    authenticator = authenticator_of(person)
    answer = half.post(CODE, {"code": authenticator.code(), "next": "https://elsewhere.example/admin/"})
    assert answer["Location"] == "/admin/"


def routes() -> list[str]:
    found = [route for route, _ in addresses(get_resolver("exchanger.urls.admin").url_patterns)]
    person = UserFactory()
    return [
        address for address in (concrete(route, person) for route in found) if resolve(address).view_name not in OPEN
    ]


@pytest.mark.parametrize("transport", ["cookie", "bearer"])
@pytest.mark.parametrize("enrolled", [False, True])
def test_nothing_answers_to_a_session_that_has_given_the_password_alone(person, everything, transport, enrolled):
    key = session_open(user=person).session_key
    if enrolled:
        authenticator_of(person)
    client = browser_of(key)
    if transport == "bearer":
        client = Client(SERVER_NAME="localhost", headers={"Authorization": f"Bearer {key}"})
    asked = routes()
    assert len(asked) > 80
    client.get("/admin/")
    before = everything()
    for address in asked:
        for method in ("get", "post", "put", "patch", "delete"):
            answer = getattr(client, method)(address)
            if address.startswith("/api/"):
                assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_required"), address
            else:
                assert answer.status_code == 302, address
                assert answer["Location"].startswith(CODE), address
    assert everything() == before


def test_what_stays_open_is_what_brings_nobody_anywhere(half):
    named = {resolve(concrete(route, UserFactory())).view_name for route, _ in addresses(get_resolver().url_patterns)}
    assert named >= OPEN
    assert half.post("/admin/logout/").status_code == 200
    assert half.get("/admin/")["Location"].startswith(LOGIN)


# --- A code is good once, and near its time


def test_a_code_is_taken_once(half, person):
    code = authenticator_of(person).code()
    assert half.post(CODE, {"code": code}).status_code == 302
    other = browser_of(session_open(user=person).session_key)
    assert "used already" in other.post(CODE, {"code": code}).text
    assert other.get("/admin/")["Location"].startswith(CODE)
    assert trail() == [("factor.pass", "done"), ("factor.pass", "failed")]


def test_of_two_who_bring_one_code_at_the_same_moment_one_comes_in(person, monkeypatch):
    code = authenticator_of(person).code()
    both_found_it_right = Barrier(2, timeout=60)
    step_of = factors._step_of

    def step_then_wait(secret: str, typed: str) -> int | None:
        step = step_of(secret, typed)
        both_found_it_right.wait()
        return step

    monkeypatch.setattr(factors, "_step_of", step_then_wait)

    def bring() -> str:
        try:
            factors.factor_check(actor=Actor(person.pk), code=code)
        except WrongCode:
            return "refused"
        else:
            return "in"
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        ended = [future.result() for future in [pool.submit(bring), pool.submit(bring)]]
    assert sorted(ended) == ["in", "refused"]


@pytest.mark.parametrize(("drift", "status"), [(-2, 200), (-1, 302), (0, 302), (1, 302), (2, 200)])
def test_a_clock_may_be_half_a_minute_off(half, person, drift, status):
    assert half.post(CODE, {"code": authenticator_of(person).code(drift)}).status_code == status


def test_an_earlier_code_is_not_taken_after_a_later_one(half, person):
    authenticator = authenticator_of(person)
    half.post(CODE, {"code": authenticator.code(1)})
    assert half.post(CODE, {"code": authenticator.code()}).status_code == 200


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "\ud800"])
def test_what_is_no_code_is_a_wrong_one(half, person, code):
    authenticator_of(person)
    assert half.post(CODE, {"code": code.encode(errors="surrogatepass")}).status_code == 200
    assert half.get("/admin/")["Location"].startswith(CODE)


def test_wrong_codes_are_counted_by_person_and_then_the_right_one_is_not_looked_at(half, person, clock):
    authenticator = authenticator_of(person)
    for _ in range(FACTOR_GUESS.free):
        half.post(CODE, {"code": authenticator.wrong_code()})
    other = browser_of(session_open(user=person).session_key)
    assert "Too many attempts" in other.post(CODE, {"code": authenticator.code()}).text
    assert other.get("/admin/")["Location"].startswith(CODE)
    assert OperatorFactor.objects.get().last_used_step == 0
    assert trail() == [("factor.pass", "failed")] * FACTOR_GUESS.free


# --- Recovery codes


def test_a_recovery_code_opens_once_and_only_for_its_person(half, person):
    codes = recovery_codes(half.post(NEW, {"code": shown_authenticator(half.post(NEW)).code()}).text)
    stranger = UserFactory(permissions={"admin": ["*"]})
    authenticator_of(stranger)
    theirs = browser_of(session_open(user=stranger).session_key)
    assert theirs.post(CODE, {"code": codes[0]}).status_code == 200
    first, second = (browser_of(session_open(user=person).session_key) for _ in range(2))
    assert first.post(CODE, {"code": codes[0].lower().replace("-", "")})["Location"] == "/admin/"
    assert first.get("/admin/").status_code == 200
    assert second.post(CODE, {"code": codes[0]}).status_code == 200
    assert second.get("/admin/")["Location"].startswith(CODE)
    assert OperatorRecoveryCode.objects.filter(used_at=None).count() == RECOVERY_CODES - 1
    assert trail()[2:] == [("factor.recover", "failed"), ("factor.recover", "done"), ("factor.recover", "failed")]


# --- The API


def test_a_login_by_bearer_key_is_asked_for_the_code_too(person):
    authenticator = authenticator_of(person)
    login = {"email": person.email, "password": PASSWORD, "transport": "bearer"}
    key = Client(SERVER_NAME="localhost").post("/api/v1/auth/login", login, content_type="application/json").json()
    client = Client(SERVER_NAME="localhost", headers={"Authorization": f"Bearer {key['session_key']}"})
    assert client.get("/api/v1/auth/me").json()["code"] == "second_factor_required"
    refused = client.post(API, {"code": authenticator.wrong_code()}, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (400, "wrong_code")
    assert client.get("/api/v1/auth/me").status_code == 403
    assert client.post(API, {"code": authenticator.code()}, content_type="application/json").status_code == 204
    assert client.get("/api/v1/auth/me").status_code == 200


def test_who_has_no_factor_is_told_where_to_set_one_up(half):
    answer = half.post(API, {"code": "123456"}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "no_factor")


# --- Where it is not required


def test_where_it_is_not_required_it_is_asked_of_those_who_have_one_alone(person, half):
    with override_settings(OPERATORS_SECOND_FACTOR=False):
        assert half.get("/admin/").status_code == 200
        authenticator_of(person)
        other = browser_of(session_open(user=person).session_key)
        assert other.get("/admin/")["Location"].startswith(CODE)
    assert half.get("/admin/")["Location"].startswith(CODE)  # as soon as it is required, a session from before too


# --- Lost


@contextmanager
def sessions_that_stay(world):
    """Identity refuses to end sessions, as it does while it is down."""
    server = world.superuser("identity")
    server.execute(
        "CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'down'; END $$;"
        "CREATE TRIGGER stay BEFORE DELETE ON sessions FOR EACH STATEMENT EXECUTE FUNCTION stay()"
    )
    try:
        yield
    finally:
        server.execute("DROP TRIGGER stay ON sessions; DROP FUNCTION stay()")


def test_a_factor_does_not_count_whose_recovery_codes_nobody_was_shown(world, person):
    begun = factors.factor_enrol(actor=Actor(person.pk), email=person.email, may_replace=False)
    code = Authenticator(begun.secret).code()
    confirm = {"actor": Actor(person.pk), "factor_id": begun.id, "code": code, "may_replace": False}
    with sessions_that_stay(world), pytest.raises(DatabaseError):
        factors.factor_confirm(**confirm, keep_session="")
    assert OperatorFactor.objects.get().confirmed_at is None
    assert not OperatorRecoveryCode.objects.exists()
    assert trail()[-1] == ("factor.confirm", "failed")
    assert len(factors.factor_confirm(**confirm, keep_session="")) == RECOVERY_CODES


def test_a_factor_stays_while_the_persons_sessions_cannot_be_ended(world, person, as_context):
    authenticator_of(person)
    by = Actor(UserFactory(permissions={"admin": ["*"]}).pk)
    with sessions_that_stay(world):
        with pytest.raises(DatabaseError):
            factors.operator_factor_reset(actor=by, user_id=person.pk, reason="lost the phone")
        with as_context(None), pytest.raises(DatabaseError):
            factors.lost_factor_reset(user_id=person.pk)
    assert OperatorFactor.objects.get().user_id == person.pk
    assert trail() == [("factor.reset", "failed")] * 2


def reset(client: Client, user, reason: str = "lost the phone"):
    return client.post(f"/admin/identity/user/{user.pk}/reset_factor/", {"reason": reason}, follow=True)


def test_another_operator_resets_a_lost_factor_and_the_persons_sessions_end(person, operator_with):
    authenticator_of(person)
    theirs = browser_of(passed_session(person))
    assert theirs.get("/admin/").status_code == 200
    operator = operator_with("*")
    assert "Reset the second factor" in operator.get(f"/admin/identity/user/{person.pk}/change/").text
    assert "has no second factor any more" in reset(operator, person).text
    assert not OperatorFactor.objects.exists()
    assert theirs.get("/admin/")["Location"].startswith(LOGIN)
    again = browser_of(session_open(user=person).session_key)
    assert again.get(CODE)["Location"].startswith(NEW)
    assert trail() == [("factor.reset", "done")]


@pytest.mark.parametrize(
    ("permissions", "told"),
    [
        (["identity.view_user"], "This takes the permission"),
        (["identity.view_user", MAY_RESET], "Only who holds"),
    ],
)
def test_who_may_not_reset_is_told_and_nothing_has_changed(person, operator_with, everything, permissions, told):
    authenticator_of(person)
    operator = operator_with(*permissions)
    operator.get("/admin/")
    before = everything()
    assert told in reset(operator, person).text
    after = everything()
    assert {**after, "identity.sessions": None} == {**before, "identity.sessions": None}
    assert trail() == [("factor.reset", "denied")]


def test_nobody_resets_their_own(operator_with):
    operator = operator_with("*")
    authenticator_of(operator.person)
    assert "cannot reset your own" in reset(operator, operator.person).text
    assert OperatorFactor.objects.count() == 1


def test_the_owner_resets_the_factor_of_the_last_operator(person, as_context, capsys):
    authenticator_of(person)
    theirs = browser_of(passed_session(person))
    with as_context(None):
        call_command("reset_factor", "Operator@example.com")
        assert "has no second factor any more" in capsys.readouterr().out
        with pytest.raises(CommandError, match="Nobody has the address"):
            call_command("reset_factor", "nobody@example.com")
    replay_all()  # as the schedule does each minute: maintenance reaches no Redis
    assert theirs.get("/admin/")["Location"].startswith(LOGIN)
    assert not OperatorFactor.objects.exists()
    assert trail() == [("factor.reset", "done")]
    with pytest.raises(CommandError, match="maintenance"):
        call_command("reset_factor", "operator@example.com")


# --- The secret at rest


def test_a_factor_whose_key_is_gone_says_so_and_a_recovery_code_still_opens(half, person):
    codes = recovery_codes(half.post(NEW, {"code": shown_authenticator(half.post(NEW)).code()}).text)
    other = browser_of(session_open(user=person).session_key)
    with override_settings(OPERATORS_FACTOR_SECRETS=["another"]):
        assert "cannot be read any more" in other.post(CODE, {"code": "123456"}).text
        assert other.get("/admin/")["Location"].startswith(CODE)
        assert other.post(CODE, {"code": codes[0]})["Location"] == "/admin/"


def test_a_secret_opens_for_its_person_alone_and_with_a_former_key(person):
    stored = encrypted("JBSWY3DPEHPK3PXP", user_id=person.pk)
    with pytest.raises(UnreadableSecret):
        decrypted(stored, user_id=UserFactory().pk)
    with override_settings(OPERATORS_FACTOR_SECRETS=["new", *settings.OPERATORS_FACTOR_SECRETS]):
        assert decrypted(stored, user_id=person.pk) == "JBSWY3DPEHPK3PXP"
    with override_settings(OPERATORS_FACTOR_SECRETS=["new"]), pytest.raises(UnreadableSecret):
        decrypted(stored, user_id=person.pk)
