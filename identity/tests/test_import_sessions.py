"""``import_sessions``: what it takes of which store, what it leaves and why; it may be stopped and repeated."""

import csv
import io
import json
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.core import signing
from django.core.management import CommandError, call_command
from django.test import override_settings
from rest_framework.test import APIClient

from exchanger.kernel.contexts import Context
from exchanger.kernel.legacy_ids import uuid_of
from exchanger.kernel.old_sessions import CookieKind, OldPlatform
from exchanger.local.environments import BOOTSTRAP
from exchanger.local.paths import CHECKOUT
from exchanger.testing import waiting
from exchanger.testing.legacy import DJANGO_DDL, SOURCE_DDL, old_database
from exchanger.testing.processes import process_environment
from identity.old_sessions.keys import moved_id
from identity.services.users import user_set_password
from identity.tests.factories import UserFactory
from identity.tests.old_platform import (
    HOUR,
    KINDS,
    SECRET_KEY,
    cookie,
    django_data,
    keep,
    old_redis,
    old_url,
    platform,
    value,
)

ME = "/api/v1/auth/me"
EVERY = "SELECT id, user_id, application_context, expires_at FROM sessions ORDER BY id"


@pytest.fixture
def move(world):
    """Runs the command as the owner; returns the lines that it says of what it took and left."""

    def run(*args, redis=True, until=None, secret_keys=(SECRET_KEY,)):
        out = io.StringIO()
        source = ["--redis", old_url(world)] if redis else []
        with override_settings(OLD_PLATFORM=OldPlatform(secret_keys=secret_keys, until=until)):
            call_command("import_sessions", *source, *map(str, args), stdout=out)
        return [line for line in out.getvalue().splitlines() if "taken" in line]

    return run


@pytest.fixture
def users(world):
    return UserFactory.create_batch(3)


@pytest.fixture
def sessions(world):
    return lambda: world.superuser("identity").execute(EVERY).fetchall()


@contextmanager
def process(as_context, context):
    with as_context(context), override_settings(OLD_PLATFORM=platform(Context(context))):
        yield


def everything(world):
    """All that a run could have changed, here and there."""
    identity = world.superuser("identity")
    with world.redis() as ours, old_redis(world) as theirs:
        return (
            [identity.execute(f"SELECT t::text FROM {table} t ORDER BY 1").fetchall()
             for table in ("sessions", "old_sessions", "users", "cache_invalidations")],
            sorted(ours.keys("*")),
            sorted(theirs.keys("*")),
        )  # fmt: skip


def rejects(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


# --- what it takes


def test_all_three_kinds_are_moved_by_their_usual_keys_and_go_on_in_web(users, world, move, as_context, sessions):
    for kind, user in zip(KINDS, users, strict=True):
        keep(world, kind, f"key-of-{kind}", value(kind, user))
    assert move() == ["3 taken, 0 taken before."]
    assert {(row[1], row[2]) for row in sessions()} == {(user.pk, "web") for user in users}
    with process(as_context, "web"):
        for kind, user in zip(KINDS, users, strict=True):
            client = APIClient()
            client.cookies.load(cookie(kind, f"key-of-{kind}"))
            assert client.get(ME).json()["email"] == user.email


def test_the_rows_end_when_the_keys_would_have(users, world, move, sessions):
    keep(world, CookieKind.TOKEN, "by-its-key", value(CookieKind.TOKEN, users[0], seconds=9 * HOUR), seconds=2 * HOUR)
    keep(world, CookieKind.TOKEN, "by-itself", value(CookieKind.TOKEN, users[1], seconds=3 * HOUR), seconds=9 * HOUR)
    keep(world, CookieKind.TOKEN, "never", json.dumps({"userId": str(users[2].pk)}), seconds=None)
    move()
    now = datetime.now(UTC)
    hours = {row[1]: round((row[3] - now).total_seconds() / HOUR) for row in sessions()}
    assert hours == {users[0].pk: 2, users[1].pk: 3, users[2].pk: 30 * 24}


def test_the_map_says_whose_a_pattern_is_the_longest_first(users, world, move, sessions):
    with old_redis(world) as old:
        old.set("sess:1", value(CookieKind.EXPRESS, users[0]))
        old.set("sess:admin:2", value(CookieKind.EXPRESS, users[1]))
        old.set("session:3", value(CookieKind.TOKEN, users[2]))
    assert move("--map", "sess:*=web", "--map", "sess:admin:*=admin") == ["2 taken, 0 taken before."]
    assert {(row[0], row[2]) for row in sessions()} == {(moved_id("1"), "web"), (moved_id("2"), "admin")}


def test_special_characters_of_a_pattern_are_no_wildcards(users, world, move, sessions):
    with old_redis(world) as old:
        old.set("s[ab]?:1", value(CookieKind.TOKEN, users[0]))
        old.set("sax:2", value(CookieKind.TOKEN, users[1]))
    move("--map", "s[ab]?:*=web")
    assert [row[1] for row in sessions()] == [users[0].pk]


def test_a_session_mapped_to_web_is_never_found_by_admin(users, world, move, as_context):
    keep(world, CookieKind.TOKEN, "clients", value(CookieKind.TOKEN, users[0]))
    move()
    before = everything(world)
    for other in ("admin", "telegram"):
        with process(as_context, other):
            client = APIClient()
            client.cookies.load(cookie(CookieKind.TOKEN, "clients"))
            assert client.get(ME).status_code in (401, 403)
    assert everything(world) == before


def test_the_rows_of_the_source_documents_database_keep_their_own_contexts_and_zone(users, world, move, sessions):
    with old_database(world.superuser("identity"), "old_sessions_source", SOURCE_DDL) as old:
        insert = "INSERT INTO sessions (id, user_id, application_context, session_data, expires_at) VALUES"
        old.execute("SET timezone = 'UTC'")
        for number, (user, context) in enumerate(zip(users, Context, strict=True)):
            old.execute(
                f"{insert} (%s, %s, %s, '{{\"basket\": 1}}', (now() + interval '5 hours')::timestamp)",
                (f"row-{number}", user.pk, context),
            )
        old.execute(f"{insert} ('unknown', %s, 'mobile', NULL, now() + interval '5 hours')", (users[0].pk,))
        url = old.info.dsn + f" password={old.info.password}"
        said = move("--database", url, "--zone", "Europe/Kyiv", redis=False)
    assert said == ["3 taken, 0 taken before.", "1 not taken: its application is none of ours."]
    now = datetime.now(UTC)
    found = {(row[1], row[2]): round((row[3] - now).total_seconds() / HOUR) for row in sessions()}
    assert set(found) == {(user.pk, context) for user, context in zip(users, Context, strict=True)}
    assert set(found.values()) <= {2, 3}  # 5 hours of UTC's clock are 3 of Kyiv's in winter, 2 in summer


def test_the_rows_of_a_stock_django_are_opened_with_its_secret_and_go_on(world, move, as_context, sessions):
    person = UserFactory(id=uuid_of("auth_user", 17))
    data = {**django_data(person), "_auth_user_id": "17"}
    with old_database(world.superuser("identity"), "old_sessions_django", DJANGO_DDL) as old:
        insert = "INSERT INTO django_session VALUES (%s, %s, now() + interval '5 hours')"
        salt = "django.contrib.sessions.SessionStore"
        good = signing.dumps(data, key=SECRET_KEY, salt=salt, compress=True)
        old.execute(insert, ("good-session-key", good))
        old.execute(insert, ("forged-session-key", signing.dumps(data, key="another", salt=salt)))
        url = old.info.dsn + f" password={old.info.password}"
        assert move("--database", url, redis=False, secret_keys=("new", SECRET_KEY)) == [
            "1 taken, 0 taken before.",
            "1 not taken: it is not signed with the old SECRET_KEY.",
        ]
    with process(as_context, "web"):
        client = APIClient()
        client.cookies.load({"sessionid": "good-session-key"})
        assert client.get(ME).json()["email"] == person.email
    assert len(sessions()) == 1


def test_the_address_of_the_old_redis_may_come_from_the_environment(users, world):
    keep(world, CookieKind.TOKEN, "key", value(CookieKind.TOKEN, users[0]))
    out = io.StringIO()
    with override_settings(OLD_PLATFORM=OldPlatform(redis_url=old_url(world))):
        call_command("import_sessions", "--redis", stdout=out)
    assert out.getvalue().endswith("1 taken, 0 taken before.\n")


# --- what it leaves


def test_what_is_left_is_told_and_written_down_without_a_usable_key(users, world, move, tmp_path, sessions):
    nobody = UserFactory.build(id=uuid_of("users", 404))
    of_before = UserFactory.build(id=users[0].pk, password="pbkdf2_sha256$1$salt$former")
    kept = {
        "good": value(CookieKind.TOKEN, users[0]),
        "nobodys-key": value(CookieKind.TOKEN, nobody),
        "anonymous-key": json.dumps({"cookie": {"path": "/"}}),
        "broken-key": b"{",
        "ended-key": value(CookieKind.TOKEN, users[0], seconds=-1),
        "former-key": value(CookieKind.DJANGO, of_before),
        "nul-key": json.dumps({"userId": str(users[0].pk), "note": "a\0b"}),
        "k" * 300: value(CookieKind.TOKEN, users[0]),
    }
    with old_redis(world) as old:
        for key, content in kept.items():
            old.set(f"session:{key}", content)
        old.rpush("session:list-key", "no", "string")
    file = tmp_path / "rejects.csv"
    said = move("--rejects", file)
    assert said[0] == "1 taken, 0 taken before."
    told = {row["key_hash"]: row["reason"] for row in rejects(file)}
    assert told == {
        moved_id("nobodys-key"): "there is no such person",
        moved_id("anonymous-key"): "nobody is logged in",
        moved_id("broken-key"): "it is not JSON",
        moved_id("ended-key"): "it has ended",
        moved_id("former-key"): "it was opened with a former password",
        moved_id("nul-key"): "it holds what is not JSON for PostgreSQL",
        moved_id("k" * 300): "its key could be no cookie's",
        moved_id("list-key"): "it has ended, or is no string",
    }
    assert sorted(said[1:]) == sorted(f"1 not taken: {reason}." for reason in told.values())
    written = file.read_text()
    assert not [key for key in kept if key in written]
    assert len(sessions()) == 1


def test_a_django_session_without_the_old_secret_is_left_and_says_what_to_set(users, world, move, sessions):
    keep(world, CookieKind.DJANGO, "key", value(CookieKind.DJANGO, users[0]))
    assert move(secret_keys=())[1:] == ["1 not taken: EXCHANGER_LEGACY_SECRET_KEYS is not set."]
    assert sessions() == []


def test_who_has_changed_the_password_here_is_not_logged_in_by_an_old_session(users, world, move, as_context, sessions):
    until = datetime.now(UTC) - timedelta(hours=1)
    world.superuser("identity").execute("UPDATE users SET password_changed_at = now() - interval '1 day'")
    for number, user in enumerate(users):
        keep(world, CookieKind.TOKEN, f"key-{number}", value(CookieKind.TOKEN, user))
    with as_context("web"):
        users[0].refresh_from_db()
        user_set_password(user=users[0], password="an entirely new one")
    assert move(until=until)[1:] == ["1 not taken: the person has changed the password since."]
    assert {row[1] for row in sessions()} == {users[1].pk, users[2].pk}


def test_the_same_key_of_two_applications_is_the_first_ones(users, world, move, sessions, tmp_path):
    with old_redis(world) as old:
        old.set("sess:shared", value(CookieKind.EXPRESS, users[0]))
        old.set("admin-sess:shared", value(CookieKind.EXPRESS, users[0]))
    move("--map", "sess:*=web")
    before = sessions()
    said = move("--map", "admin-sess:*=admin")
    assert said == ["0 taken, 0 taken before.", "1 not taken: it was taken into another application before."]
    assert sessions() == before


# --- again, dry, and removed


def test_a_second_run_takes_nothing_and_leaves_what_went_on(users, world, move, as_context):
    keep(world, CookieKind.TOKEN, "goes-on", value(CookieKind.TOKEN, users[0]))
    keep(world, CookieKind.TOKEN, "ended-here", value(CookieKind.TOKEN, users[1]))
    keep(world, CookieKind.TOKEN, "waits", value(CookieKind.TOKEN, users[2]))
    move()
    with process(as_context, "web"):
        for key, path in (("goes-on", None), ("ended-here", "/api/v1/auth/logout")):
            client = APIClient()
            client.cookies.load(cookie(CookieKind.TOKEN, key))
            assert client.get(ME).status_code == 200
            if path:
                client.post(path)
    before = everything(world)
    assert move() == ["0 taken, 3 taken before."]
    assert everything(world) == before


def test_a_dry_run_says_the_same_and_touches_nothing(users, world, move, tmp_path):
    for kind, user in zip(KINDS, users, strict=True):
        keep(world, kind, f"key-of-{kind}", value(kind, user))
    keep(world, CookieKind.TOKEN, "broken", b"{")
    before = everything(world)
    dry = move("--dry-run", "--remove", "--rejects", tmp_path / "dry.csv")
    assert dry == ["3 would be taken, 0 taken before.", "1 not taken: it is not JSON."]
    assert everything(world) == before
    assert move("--rejects", tmp_path / "real.csv")[1:] == dry[1:]
    assert rejects(tmp_path / "dry.csv") == rejects(tmp_path / "real.csv")


def test_keys_are_kept_or_removed_as_told_and_what_was_not_taken_stays(users, world, move):
    taken = [keep(world, kind, f"key-of-{kind}", value(kind, user)) for kind, user in zip(KINDS, users, strict=True)]
    left = keep(world, CookieKind.TOKEN, "broken", b"{")
    move()
    with old_redis(world) as old:
        assert old.exists(*taken, left) == 4
        assert move("--remove") == ["0 taken, 3 taken before.", "1 not taken: it is not JSON."]
        assert old.keys("*") == [left.encode()]


def test_a_run_that_was_killed_in_the_middle_is_run_again(users, world, move, sessions):
    """It waits for a row that the test holds, with whole batches behind it, and dies there."""
    count = 60
    with old_redis(world) as old:
        for number in range(count):
            old.set(f"session:key-{number}", value(CookieKind.TOKEN, users[number % 3]))
    dsn = world.environments.read(BOOTSTRAP)["SUPERUSER_DSN"]
    keys = [f"key-{number}" for number in range(count)]
    with psycopg.connect(dsn, dbname="exchanger_identity") as holder:
        holder.execute(
            "INSERT INTO old_sessions (id, user_id, application_context, way) VALUES (%s, %s, 'web', 'import')",
            (moved_id(_in_the_middle(world)), users[0].pk),
        )
        run = subprocess.Popen(
            [sys.executable, "manage.py", "import_sessions", "--redis", old_url(world), "--batch", "10", "--remove"],
            cwd=CHECKOUT,
            env=process_environment(None, world.environments),
            stdout=subprocess.DEVNULL,
        )
        try:
            waiting.until(lambda: _waits(world) or run.poll() is not None)
            assert run.poll() is None, run.stdout.read()
        finally:
            run.kill()
            run.wait()
        holder.rollback()
    before = sessions()
    assert 0 < len(before) < count
    said = move("--remove")
    with old_redis(world) as old:
        assert old.keys("*") == []
    assert sorted(row[0] for row in sessions()) == sorted(map(moved_id, keys))
    assert said[0].endswith(" taken before.")


def _in_the_middle(world):
    """The key of the 31st session in the order in which the server lists them."""
    with old_redis(world) as old:
        return list(old.scan_iter(match="session:*", count=10))[30].decode().removeprefix("session:")


def _waits(world):
    [(waiting,)] = world.superuser("identity").execute(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%WITH given%'"
    )
    return waiting == 1


def test_at_the_end_the_moves_are_forgotten_with_what_still_waits_and_what_goes_on_stays(
    users, world, move, as_context, sessions
):
    keep(world, CookieKind.TOKEN, "goes-on", value(CookieKind.TOKEN, users[0]))
    keep(world, CookieKind.TOKEN, "waits", value(CookieKind.TOKEN, users[1]))
    move()
    client = APIClient()
    with process(as_context, "web"):
        client.cookies.load(cookie(CookieKind.TOKEN, "goes-on"))
        assert client.get(ME).status_code == 200
    out = io.StringIO()
    call_command("import_sessions", "--forget", stdout=out)
    assert out.getvalue() == "2 moves forgotten; 1 sessions had waited for their cookies in vain.\n"
    assert [row[1] for row in sessions()] == [users[0].pk]
    with process(as_context, "web"):
        assert client.get(ME).status_code == 200
        late = APIClient()
        late.cookies.load(cookie(CookieKind.TOKEN, "waits"))
        assert late.get(ME).status_code == 401


# --- wrong use


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--map", "sess:*=bot"], "names no application"),
        (["--map", "sess:=web"], "no beginning of keys"),
        (["--map", "*=web"], "no beginning of keys"),
        (["--zone", "Kiev/Nowhere"], "no time zone"),
        (["--batch", "0"], "at least one session"),
    ],
)
def test_what_cannot_be_meant_is_refused(args, said, move, world):
    before = everything(world)
    with pytest.raises(CommandError, match=said):
        move(*args)
    assert everything(world) == before


@pytest.mark.parametrize(
    ("table", "lacks"), [("sessions", "user_id, expires_at"), ("django_session", "session_key, expire_date")]
)
def test_a_table_of_another_shape_is_named_with_what_it_lacks(table, lacks, move, world, tmp_path):
    before = everything(world)
    ddl = tmp_path / "old.sql"
    ddl.write_text(f"CREATE TABLE {table} (id text, session_data text)")
    with old_database(world.superuser("identity"), f"old_shape_{table}", ddl) as old:
        url = old.info.dsn + f" password={old.info.password}"
        with pytest.raises(CommandError, match=f"table {table} has no {lacks}:"):
            move("--database", url, redis=False)
    assert everything(world) == before


def test_to_forget_is_no_import(move, world, users):
    keep(world, CookieKind.TOKEN, "key", value(CookieKind.TOKEN, users[0]))
    before = everything(world)
    with pytest.raises(CommandError, match="give it alone"):
        move("--forget")
    assert everything(world) == before


def test_somewhere_has_to_be_said(move):
    with pytest.raises(CommandError, match="--redis redis://"):
        move(redis=False)


@pytest.mark.context("web")
def test_an_application_moves_no_sessions(move):
    with pytest.raises(CommandError, match="leave EXCHANGER_CONTEXT out"):
        move()


def test_a_store_that_fails_is_one_line_without_its_password(move):
    with pytest.raises(CommandError) as failed:
        move("--redis", "unix://default:secret@/nowhere.sock", redis=False)
    assert "secret" not in str(failed.value)
    assert "run it again" in str(failed.value)
