"""What loading and saving a session costs: ours, Django's own engines, and the raw limit, interleaved in one run.

    python bench/sessions.py [--rounds N]

On throwaway servers of its own. Raw is redis-py with its usual pool and psycopg with prepared statements moving the
same bytes, with no session around them: GET; GET, SELECT and SET; UPDATE and SET. Wire is the same without redis-py and
psycopg: a socket, hiredis and libpq, which is what no engine can be faster than, whatever it does.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from time import perf_counter_ns
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

from exchanger.local.environments import BOOTSTRAP  # noqa: E402
from exchanger.testing.servers import TestServers  # noqa: E402

WARM_UP = 10  # rounds that are not counted
REPEATS = 10  # of each operation in its turn
OPERATIONS = ("warm load", "cold load", "save")
DAY = 24 * 3600
SELECT = (
    "SELECT session_data, user_id, expires_at, version FROM sessions"
    " WHERE id = %s AND application_context = %s AND expires_at > now()"
)
UPDATE = (
    "UPDATE sessions SET session_data = %s, user_id = %s, expires_at = %s, updated_at = now(), version = version + 1"
    " WHERE id = %s AND application_context = %s AND expires_at > now() RETURNING version"
)
STOCK_ENGINES = ("db", "cache", "cached_db")
DATA = {
    "_auth_user_backend": "identity.backends.IdentityBackend",
    "_auth_user_hash": "5e8ff9bf55ba3508199d22e984129be6c0e8e5e5d6c24fbb60b3a0ba1a6a0f8d",
    "language": "uk",
    "last_pairs": ["USD/UAH", "EUR/UAH", "EUR/USD"],
    "draft": {"pair": "USD/UAH", "amount": "1250.00", "account": "UA213223130000026007233566001", "step": 2},
    "notice": "Your order was accepted and is waiting for the payment. " * 2,
}


class Raw:
    """The limit: nothing but the commands and statements themselves."""

    def __init__(self, user_id: str, row: str = "raw") -> None:
        import psycopg
        import redis
        from psycopg.types.string import TextLoader

        from exchanger.kernel.cache.codec import encode

        self.redis = redis.Redis.from_url(os.environ["REDIS_URL"], protocol=2, driver_info=None)
        self.database = psycopg.connect(os.environ["IDENTITY_DATABASE_URL"], autocommit=True)
        self.database.adapters.register_loader("jsonb", TextLoader)  # text, as Django has it
        self.row, self.key = row, f"identity:session:web:{row}"
        self.data = encode({**DATA, "_auth_user_id": user_id}).decode()
        self.value = encode({**DATA, "_auth_user_id": user_id, "userId": user_id, "expiresAt": "9" * 25, "version": 1})
        self.database.execute(
            "INSERT INTO sessions (id, user_id, application_context, session_data, expires_at)"
            " VALUES (%s, %s, 'web', %s, now() + interval '1 day')",
            (row, user_id, self.data),
        )
        self.user_id = user_id
        self.redis.set(self.key, self.value, ex=DAY)

    def cool(self, control: Any) -> None:
        control.delete(self.key)

    def warm_load(self) -> None:
        self.redis.get(self.key)

    def cold_load(self) -> None:
        self.redis.get(self.key)
        self._run(SELECT, (self.row, "web"))
        self.redis.set(self.key, self.value, ex=DAY)

    def save(self) -> None:
        expires_at = datetime.now(UTC) + timedelta(days=1)  # moves with every save, and its index with it
        self._run(UPDATE, (self.data, self.user_id, expires_at, self.row, "web"))
        self.redis.set(self.key, self.value, ex=DAY)

    def _run(self, statement: str, params: tuple[Any, ...]) -> None:
        with self.database.cursor() as cursor:
            assert cursor.execute(statement, params, prepare=True).fetchone() is not None


class Wire(Raw):
    """What the servers and the sockets alone take."""

    def __init__(self, user_id: str) -> None:
        import hiredis

        super().__init__(user_id, row="wire")
        self.socket = self.redis.connection_pool.get_connection()._sock
        self.reader = hiredis.Reader()
        self.get = hiredis.pack_command(("GET", self.key))
        self.set = hiredis.pack_command(("SET", self.key, self.value, "EX", DAY))
        self.server = self.database.pgconn
        for name, statement in (("load", SELECT), ("save", UPDATE)):
            first, *rest = statement.split("%s")
            numbered = first + "".join(f"${number}{part}" for number, part in enumerate(rest, 1))
            self.server.prepare(name.encode(), numbered.encode())

    def warm_load(self) -> None:
        self._ask(self.get)

    def cold_load(self) -> None:
        self._ask(self.get)
        assert self.server.exec_prepared(b"load", [b"wire", b"web"]).ntuples == 1
        self._ask(self.set)

    def save(self) -> None:
        expires_at = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        params = [self.data.encode(), self.user_id.encode(), expires_at.encode(), b"wire", b"web"]
        assert self.server.exec_prepared(b"save", params).ntuples == 1
        self._ask(self.set)

    def _ask(self, command: bytes) -> None:
        self.socket.sendall(command)
        answer = False
        while answer is False:
            self.reader.feed(self.socket.recv(65536))
            answer = self.reader.gets()


class Engine:
    """A Django session engine, with one session of the person in it."""

    def __init__(self, module: str, user_id: str) -> None:
        self.store_class = import_module(module).SessionStore
        self.store = self.store_class()
        self.store.update({**DATA, "_auth_user_id": user_id})
        self.store.save()
        self.warm_load()
        self.saved = 0

    def cool(self, control: Any) -> None:
        from identity.session_values import stored_id

        key = self.store.session_key
        names = (f"identity:session:web:{stored_id(key)}", f":1:django.contrib.sessions.cached_db{key}")
        control.delete(*names)

    def warm_load(self) -> None:
        assert len(self.store_class(self.store.session_key).load()) > len(DATA)

    cold_load = warm_load

    def save(self) -> None:
        self.saved += 1
        self.store["draft"]["step"] = self.saved % 10
        self.store.save()


def person_of(servers: TestServers) -> str:
    """A person in the identity database; their id."""
    found = servers.superuser("identity").execute(
        "INSERT INTO users (email, password_hash) VALUES ('bench@example.com', '!') RETURNING id"
    )
    return str(found.fetchone()[0])


def be_web(servers: TestServers) -> None:
    """Migrate as maintenance does, then make this process a web process with the stock engines beside ours."""
    environment = {**os.environ, **servers.environments.for_process("")}
    migrate = [sys.executable, "manage.py", "migrate", "-v0"]
    subprocess.run(migrate, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True)
    servers.superuser("identity").execute("CREATE SCHEMA stock AUTHORIZATION exchanger_web")
    os.environ.update(servers.environments.for_process("web"))
    os.environ["STOCK_REDIS_URL"] = servers.environments.read(BOOTSTRAP)["REDIS_SUPERUSER_URL"]
    os.environ["DJANGO_SETTINGS_MODULE"] = "bench.settings"

    import django
    from django.db import connections

    django.setup()
    from django.contrib.sessions.models import Session

    with connections["stock"].schema_editor() as editor:
        editor.create_model(Session)


def measure(contestants: dict[str, Any], control: Any, rounds: int) -> dict[tuple[str, str], list[float]]:
    """Microseconds of each operation of each contestant; every round runs all of them, in an order of its own."""
    turns: list[tuple[str, str]] = [
        (name, operation)
        for name in contestants
        for operation in OPERATIONS
        if (name, operation) != ("cache", "cold load")  # that engine has nothing to load from then
    ]
    times: dict[tuple[str, str], list[float]] = {turn: [] for turn in turns}
    for number in range(WARM_UP + rounds):
        random.shuffle(turns)
        for name, operation in turns:
            contestant = contestants[name]
            run: Callable[[], None] = getattr(contestant, operation.replace(" ", "_"))
            contestant.warm_load()
            for _ in range(REPEATS):
                if operation == "cold load":
                    contestant.cool(control)
                start = perf_counter_ns()
                run()
                if number >= WARM_UP:
                    times[name, operation].append((perf_counter_ns() - start) / 1000)
    return times


def by_round(values: list[float]) -> list[float]:
    """The median of each round: a busy machine slows everything in a round alike, so ratios are taken within one."""
    return [statistics.median(values[start : start + REPEATS]) for start in range(0, len(values), REPEATS)]


def report(times: dict[tuple[str, str], list[float]], names: list[str], rounds: int) -> None:
    print(f"{rounds} rounds of {REPEATS} each, interleaved; microseconds: median (quartiles), and the ratio to raw\n")
    print(f"{'':<10}" + "".join(f"{operation:<30}" for operation in OPERATIONS))
    for name in names:
        cells = []
        for operation in OPERATIONS:
            if (name, operation) not in times:
                cells.append("-")
                continue
            low, middle, high = statistics.quantiles(times[name, operation], n=4)
            ratio = statistics.median(
                ours / raw
                for ours, raw in zip(by_round(times[name, operation]), by_round(times["raw", operation]), strict=True)
            )
            cells.append(f"{middle:6.1f} ({low:.1f}-{high:.1f}) {ratio:.2f}")
        print(f"{name:<10}" + "".join(f"{cell:<30}" for cell in cells).rstrip())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=300)
    rounds = parser.parse_args().rounds
    servers = TestServers()
    servers.acquire()
    be_web(servers)
    user_id = person_of(servers)
    contestants: dict[str, Any] = {
        "wire": Wire(user_id),
        "raw": Raw(user_id),
        **{name: Engine(f"django.contrib.sessions.backends.{name}", user_id) for name in STOCK_ENGINES},
        "ours": Engine("identity.sessions", user_id),
    }
    with servers.redis() as control:
        times = measure(contestants, control, rounds)
    report(times, list(contestants), rounds)


if __name__ == "__main__":
    main()
