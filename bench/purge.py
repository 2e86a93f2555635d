"""Purging expired sessions while the applications work: in batches, and for comparison by a single DELETE.

    python bench/purge.py [--rows N]

On throwaway servers of its own, with durable commits. Exits with 1 if a writer failed while the batches ran.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

from exchanger.testing.processes import process_environment  # noqa: E402
from exchanger.testing.servers import TestServers  # noqa: E402

EXPIRED = 0.6  # of the rows
SESSIONS_EACH = 100  # of a person
WRITERS = 3
WRITER_PAUSE = 0.005  # seconds
OPERATOR_PAUSE = 0.1
DURABLE = ("fsync", "synchronous_commit", "full_page_writes")
DATA = json.dumps(
    {
        "_auth_user_backend": "identity.backends.IdentityBackend",
        "_auth_user_hash": "5e8ff9bf55ba3508199d22e984129be6c0e8e5e5d6c24fbb60b3a0ba1a6a0f8d",
        "language": "uk",
        "last_pairs": ["USD/UAH", "EUR/UAH", "EUR/USD"],
        "draft": {"pair": "USD/UAH", "amount": "1250.00", "account": "UA213223130000026007233566001", "step": 2},
    }
)


@dataclass(frozen=True, slots=True)
class Deleted:
    rows: int
    seconds: float


@dataclass(slots=True)
class Times:
    """Seconds that each write took, and what failed."""

    web: list[float] = field(default_factory=list)
    operator: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @contextmanager
    def measured(self, times: list[float]) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        except Exception as error:  # whatever it is, a writer failed
            self.failures.append(f"{type(error).__name__}: {error}".splitlines()[0])
        times.append(time.perf_counter() - start)


def prepare(servers: TestServers, people: int) -> list[str]:
    """Migrate, make commits durable, let there be people, and be a web process; returns the people's ids."""
    migrate = [sys.executable, "manage.py", "migrate", "-v0"]
    environment = process_environment(None, servers.environments)
    subprocess.run(migrate, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True)
    superuser = servers.superuser("identity")
    for name in DURABLE:
        superuser.execute(f"ALTER SYSTEM SET {name} = on")
    superuser.execute("SELECT pg_reload_conf()")
    found = superuser.execute(
        "INSERT INTO users (email, password_hash)"
        " SELECT 'person' || number || '@example.com', '!' FROM generate_series(1, %s) number RETURNING id::text",
        (people,),
    )
    ids = [user_id for (user_id,) in found]
    os.environ.update(servers.environments.for_process("web"))
    os.environ["DJANGO_SETTINGS_MODULE"] = "exchanger.settings"

    import django

    django.setup()
    return ids


def fill(servers: TestServers, rows: int, people: list[str]) -> None:
    """A fresh table of ``rows`` sessions, of which the share EXPIRED has expired within the last month."""
    superuser, now = servers.superuser("identity"), datetime.now(UTC)
    superuser.execute("TRUNCATE sessions")
    columns = "id, user_id, application_context, session_data, expires_at, version"
    with superuser.cursor() as cursor, cursor.copy(f"COPY sessions ({columns}) FROM STDIN") as copy:
        for number in range(rows):
            expired = random.random() < EXPIRED  # noqa: S311
            age = -random.uniform(0, 30) if expired else random.uniform(0.1, 1)  # noqa: S311
            context = random.choice(("web", "web", "web", "web", "telegram", "admin"))  # noqa: S311
            row_id = f"{random.getrandbits(256):064x}"
            copy.write_row((row_id, people[number % len(people)], context, DATA, now + timedelta(days=age), 1))
    superuser.execute("VACUUM ANALYZE sessions")
    superuser.execute("CHECKPOINT")


def write(times: Times, user_id: str, stop: threading.Event) -> None:
    """As the web application: a session is created, saved five times, and deleted."""
    from django.db import connections

    from identity.sessions import SessionStore

    try:
        SessionStore().exists("nobody's")  # connects, which is not measured
        while not stop.is_set():
            store = SessionStore()
            store.update({**json.loads(DATA), "_auth_user_id": user_id})
            steps: list[Callable[[], object]] = [store.create, *[store.save] * 5, store.delete]
            for number, step in enumerate(steps):
                store["step"] = number
                with times.measured(times.web):
                    step()
                stop.wait(WRITER_PAUSE)
    finally:
        connections.close_all()


def operate(times: Times, dsn: str, people: list[str], stop: threading.Event) -> None:
    """As an operator: everything that a person has in any context is ended, what has expired included."""
    with psycopg.connect(dsn, autocommit=True) as admin:
        while not stop.wait(OPERATOR_PAUSE):
            with times.measured(times.operator):
                admin.execute("SELECT FROM revoke_user_sessions(%s)", (random.choice(people),))  # noqa: S311


def while_writing(servers: TestServers, people: list[str], work: Callable[[], Deleted]) -> tuple[Times, Deleted]:
    times, stop = Times(), threading.Event()
    dsn = servers.environments.for_process("admin")["IDENTITY_DATABASE_URL"]
    with ThreadPoolExecutor(WRITERS + 1) as threads:
        working = [threads.submit(write, times, people[number], stop) for number in range(WRITERS)]
        working.append(threads.submit(operate, times, dsn, people[WRITERS:], stop))
        try:
            deleted = work()
        finally:
            stop.set()
    for future in working:
        future.result()
    return times, deleted


def nothing(seconds: float) -> Deleted:
    time.sleep(seconds)
    return Deleted(0, seconds)


def by_command(servers: TestServers) -> Deleted:
    """manage.py clearsessions as the owner, its lines shown as they come; the seconds are those that it tells."""
    print("$ manage.py clearsessions")
    command = [sys.executable, "-u", "manage.py", "clearsessions"]
    environment = process_environment(None, servers.environments)
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = ""
        for line in process.stdout:
            print(line, end="", flush=True)
    if process.returncode:
        sys.exit(f"clearsessions ended with {process.returncode}.")
    words = line.replace(",", "").split()  # "600,000 expired sessions deleted in 9.1 s."
    return Deleted(int(words[0]), float(words[-2]))


def by_one_delete(servers: TestServers) -> Deleted:
    with psycopg.connect(servers.environments.for_process("")["IDENTITY_DATABASE_URL"], autocommit=True) as owner:
        start = time.perf_counter()
        rows = owner.execute("DELETE FROM sessions WHERE expires_at <= now()").rowcount
        return Deleted(rows, time.perf_counter() - start)


def report(measured: dict[str, tuple[Times, Deleted]]) -> None:
    head = f"{'median':>8}{'p99':>8}{'worst':>9}"
    print(f"{'':<16}{'deleted':>9}{'s':>7}{'a second':>10}{'writes':>9}{head}{'ended':>8}{head}{'failed':>8}")
    for name, (times, deleted) in measured.items():
        rate = f"{deleted.rows / deleted.seconds:,.0f}" if deleted.seconds and deleted.rows else "-"
        counts = f"{deleted.rows:>9,}{deleted.seconds:>7.1f}{rate:>10}"
        print(f"{name:<16}{counts}{len(times.web):>9,}{spread(times.web)}", end="")
        print(f"{len(times.operator):>8,}{spread(times.operator)}{len(times.failures):>8,}")


def spread(seconds: list[float]) -> str:
    """Median, p99 and worst, in milliseconds."""
    if not seconds:
        return f"{'-':>8}{'-':>8}{'-':>9}"
    taken = sorted(second * 1000 for second in seconds)
    return f"{statistics.median(taken):>8.1f}{taken[len(taken) * 99 // 100]:>8.1f}{taken[-1]:>9.1f}"


def table_state(servers: TestServers) -> str:
    found = servers.superuser("identity").execute(
        "SELECT n_live_tup, n_dead_tup, pg_size_pretty(pg_total_relation_size('sessions'))"
        " FROM pg_stat_user_tables WHERE relname = 'sessions'"
    )
    return "{:,} live rows, {:,} dead ones, {}".format(*(found.fetchone() or (0, 0, "?")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--quiet", type=float, default=8, help="seconds without a purge, to compare with")
    options = parser.parse_args()
    rows = options.rows
    servers = TestServers()
    servers.acquire()
    people = prepare(servers, max(rows // SESSIONS_EACH, WRITERS + 1))
    measured: dict[str, tuple[Times, Deleted]] = {}
    fill(servers, rows, people)
    print(f"{rows:,} sessions, {EXPIRED:.0%} of them expired: {table_state(servers)}.\n")
    measured["no purge"] = while_writing(servers, people, lambda: nothing(options.quiet))
    measured["clearsessions"] = while_writing(servers, people, lambda: by_command(servers))
    print(f"\nAfter it: {table_state(servers)}.")
    servers.superuser("identity").execute("VACUUM ANALYZE sessions")
    print(f"After VACUUM: {table_state(servers)}.\n")
    fill(servers, rows, people)
    measured["a single DELETE"] = while_writing(servers, people, lambda: by_one_delete(servers))
    print(
        f"{WRITERS} web writers create, save and delete sessions; an operator ends all of a person's. Milliseconds.\n"
    )
    report(measured)
    failures = measured["no purge"][0].failures + measured["clearsessions"][0].failures
    print(f"\n{'No writer failed while it was purged in batches.' if not failures else 'Writers FAILED:'}")
    for failure in sorted(set(failures)):
        print(f"  {failure}")
    if deleting := sorted(set(measured["a single DELETE"][0].failures)):
        print(f"Under the single DELETE: {'; '.join(deleting)}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
