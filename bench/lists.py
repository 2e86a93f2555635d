"""The operators' list of orders, with a thousand orders and with a million: statements, blocks that they touch, time.

    python bench/lists.py [--rows N]

On throwaway servers of its own, asked for by a process with the login of the operators' application. A block is 8 KB,
read from PostgreSQL's memory or its disk; the time is the median of nine requests. Exits with 1 if a page asks more
statements of the large table than of the small one, or touches more than its share of it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

from bench.preparation import migrate  # noqa: E402
from exchanger.testing.processes import process_environment  # noqa: E402
from exchanger.testing.servers import TestServers  # noqa: E402

FEW = 1_000
REPEATS = 9
MOST_BLOCKS = 4_000  # 31 MB: what counting to 10,000 and showing 50 may touch
LIST = "/admin/web/order/"
# Of a thousand orders one waits and one is in a currency that is seldom asked for; a thousand clients share them.
ORDERS = """
SET session_replication_role = replica;
INSERT INTO orders (user_id, from_currency, to_currency, amount, exchange_rate, status, created_at, updated_at)
SELECT ('00000000-0000-4000-8000-' || lpad(to_hex(number % 1000), 12, '0'))::uuid,
       CASE number % 1000 WHEN 1 THEN 'GBP' ELSE 'USD' END, 'UAH', 20 + number % 9000 + 0.25, 41.5,
       CASE number % 1000 WHEN 2 THEN 'paid' ELSE 'completed' END, at, at
FROM (SELECT number, TIMESTAMPTZ '2026-01-01 UTC' + number * interval '20 seconds' AS at
      FROM generate_series(0, {rows} - 1) number) numbered;
RESET session_replication_role;
VACUUM ANALYZE orders;
"""
PAGES = {
    "first page": "",
    "page 200": "?p=200",
    "a rare status": "?status__exact=paid",
    "a rare currency": "?from_currency=GBP",
    "a day": "?created_at_from=2026-01-01&created_at_to=2026-01-01",
    "a client": "?q=00000000-0000-4000-8000-000000000007",
}


def look() -> None:
    """Be the operators' application, open each page, and tell of it as JSON."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "exchanger.settings"
    import django

    django.setup()
    from django.conf import settings
    from django.db import connections
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from admin_panel.tests.conftest import passed_session
    from identity.models import User

    client = Client(SERVER_NAME="localhost")
    client.cookies[settings.SESSION_COOKIE_NAME] = passed_session(User.objects.get())
    web = connections["web"]
    told = {}
    for name, query in PAGES.items():
        with CaptureQueriesContext(web) as asked:
            answer = client.get(LIST + query)
        if answer.status_code != 200:
            continue  # a table of few rows has no page 200
        statements = [query["sql"] for query in asked]
        blocks = 0
        for sql in statements:
            with web.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}")
                plan = cursor.fetchone()[0][0]["Plan"]
            blocks += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        times = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            client.get(LIST + query)
            times.append(time.perf_counter() - start)
        told[name] = (len(statements), blocks, 1000 * statistics.median(times))
    print(json.dumps(told))


def looked(servers: TestServers) -> dict[str, tuple[int, int, float]]:
    done = subprocess.run(
        [sys.executable, __file__, "--look"],
        cwd=ROOT,
        env={**process_environment("admin", servers.environments), "LOG_LEVEL": "ERROR"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    told: dict[str, tuple[int, int, float]] = json.loads(done.stdout)
    return told


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="orders of the large table (default: a million)")
    parser.add_argument("--look", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.look:
        look()
        return 0

    servers = TestServers()
    servers.acquire()
    migrate(servers)
    from identity.tests.factories import UserFactory

    UserFactory(permissions={"admin": ["*"]})
    web = servers.superuser("web")
    found = {}
    for rows in (FEW, options.rows):
        web.execute("DELETE FROM orders")
        for statement in ORDERS.format(rows=rows).split(";\n"):
            if statement.strip():
                web.execute(statement)
        found[rows] = looked(servers)
    few, many = found[FEW], found[options.rows]
    print(f"{'':<18}{f'{FEW:,} orders':^30}{f'{options.rows:,} orders':^30}")
    print(f"{'':<18}" + f"{'statements':>12}{'blocks':>9}{'ms':>9}" * 2)
    grown = []
    for name in PAGES:
        cells = [found[rows].get(name) for rows in (FEW, options.rows)]
        line = "".join("{:>12}{:>9,}{:>9.1f}".format(*cell) if cell else f"{'–':>12}{'–':>9}{'–':>9}" for cell in cells)
        print(f"{name:<18}{line}")
        if name in many and (many[name][0] > few.get(name, few["first page"])[0] or many[name][1] > MOST_BLOCKS):
            grown.append(name)
    print(f"\n{'Not bounded: ' + ', '.join(grown) if grown else 'Every page is bounded.'}")
    return int(bool(grown))


if __name__ == "__main__":
    sys.exit(main())
