"""Moving an older platform's sessions: how fast, beside reading the same keys and doing nothing, and in what memory.

    python bench/old_sessions.py [--keys N]

On throwaway servers of its own, with durable commits. Exits with 1 if a session was not taken, or if ten times as many
needed a tenth more memory.
"""

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import redis

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

from bench.preparation import migrate  # noqa: E402
from exchanger.local.environments import BOOTSTRAP  # noqa: E402
from exchanger.testing.processes import process_environment  # noqa: E402
from exchanger.testing.servers import TestServers  # noqa: E402

PEOPLE = 10_000
BATCH = 1_000
DAY = 24 * 3600
DURABLE = ("fsync", "synchronous_commit", "full_page_writes")
MOST_GROWTH = 1.1
FIELDS = {"csrfSecret": "tPlZxbQwVY3sZ0oNp9m2Kk1d", "lastPairs": ["USD/UAH", "EUR/UAH"], "flash": {}}


@dataclass(frozen=True, slots=True)
class Run:
    """``megabytes`` is the most that the process held at once."""

    keys: int
    seconds: float
    megabytes: float

    @property
    def rate(self) -> float:
        return self.keys / self.seconds


def prepare(servers: TestServers) -> list[str]:
    servers.acquire()
    migrate(servers)
    for setting in DURABLE:
        servers.superuser("identity").execute(f"ALTER SYSTEM SET {setting} = on")
    servers.superuser("identity").execute("SELECT pg_reload_conf()")
    with servers.redis() as redis_server:
        redis_server.config_set("maxmemory", 0)  # the older platform's has room for all of them
    people = servers.superuser("identity").execute(
        "INSERT INTO users (email, password_hash) SELECT 'p' || n || '@example.com', '!' FROM generate_series(1, %s) n"
        " RETURNING id",
        (PEOPLE,),
    )
    return [str(user_id) for (user_id,) in people]


def old_url(servers: TestServers) -> str:
    return servers.environments.read(BOOTSTRAP)["REDIS_SUPERUSER_URL"].replace("db=0", "db=1")


def fill(servers: TestServers, people: list[str], keys: int) -> None:
    """As express-session and connect-redis leave them, with lives of an hour to a day."""
    with redis.Redis.from_url(old_url(servers)) as old:
        old.flushdb()
        for start in range(0, keys, BATCH):
            with old.pipeline(transaction=False) as pipeline:
                for number in range(start, min(start + BATCH, keys)):
                    life = random.randint(DAY // 24, DAY)  # noqa: S311
                    ends = (datetime.now(UTC) + timedelta(seconds=life)).isoformat()
                    cookie = {"originalMaxAge": DAY * 1000, "expires": ends, "httpOnly": True, "path": "/"}
                    held = {"cookie": cookie, "passport": {"user": people[number % len(people)]}, **FIELDS}
                    pipeline.set(f"sess:{number:032x}", json.dumps(held), ex=life)
                pipeline.execute()


def empty(servers: TestServers) -> None:
    servers.superuser("identity").execute("TRUNCATE sessions, old_sessions")


def by_reading(servers: TestServers) -> Run:
    """SCAN and MGET of the same keys in batches of the same size, and nothing done with them."""
    start, read = time.perf_counter(), 0
    with redis.Redis.from_url(old_url(servers)) as old:
        for places in _batches(old):
            read += sum(value is not None for value in old.mget(places))
    return Run(read, time.perf_counter() - start, 0)


def _batches(old: redis.Redis) -> Iterator[list[bytes]]:
    cursor = -1
    while cursor != 0:
        cursor, places = old.scan(max(cursor, 0), match="sess:*", count=BATCH)
        if places:
            yield places


def by_command(servers: TestServers, keys: int) -> Run:
    """manage.py import_sessions as the owner, a process of its own."""
    command = [sys.executable, "manage.py", "import_sessions", "--redis", old_url(servers), "--batch", str(BATCH)]
    start = time.perf_counter()
    process = os.posix_spawn(sys.executable, command, process_environment(None, servers.environments))
    _, status, usage = os.wait4(process, 0)
    if status:
        sys.exit(f"import_sessions ended with {status}.")
    return Run(keys, time.perf_counter() - start, usage.ru_maxrss / 1024)


def taken(servers: TestServers) -> int:
    with psycopg.connect(servers.environments.for_process("")["IDENTITY_DATABASE_URL"]) as owner:
        found = owner.execute("SELECT count(*) FROM sessions JOIN old_sessions USING (id)").fetchone()
    assert found is not None
    return int(found[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keys", type=int, default=1_000_000)
    keys = max(parser.parse_args().keys, 10)
    os.chdir(ROOT)
    servers = TestServers()
    people = prepare(servers)
    fill(servers, people, keys // 10)
    tenth = by_command(servers, keys // 10)
    empty(servers)
    fill(servers, people, keys)
    measured = {"SCAN and MGET": by_reading(servers), "import_sessions": by_command(servers, keys)}
    moved = taken(servers)
    measured["… once more"] = by_command(servers, keys)
    print(f"\n{'':<18}{'keys':>11}{'s':>8}{'a second':>10}{'of reading':>12}{'MB':>7}")
    plain = measured["SCAN and MGET"].rate
    for name, run in {"… of a tenth": tenth, **measured}.items():
        memory = f"{run.megabytes:,.0f}" if run.megabytes else "-"
        print(f"{name:<18}{run.keys:>11,}{run.seconds:>8.1f}{run.rate:>10,.0f}{run.rate / plain:>12.2f}{memory:>7}")
    growth = measured["import_sessions"].megabytes / tenth.megabytes
    whole = moved == taken(servers) == keys
    print(f"\n{'Every session was taken, once.' if whole else f'{moved:,} of {keys:,} sessions were TAKEN.'}")
    print(f"Ten times the keys took {growth:.2f} of the memory.")
    sys.exit(0 if whole and growth <= MOST_GROWTH else 1)


if __name__ == "__main__":
    main()
