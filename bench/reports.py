"""A large report as a worker makes it: how long, how large, and how much memory at most.

    python bench/reports.py [--rows N]

On throwaway servers of its own. Each file is made by a process of its own, whose peak of resident memory is told.
Exits with 1 if the memory grew with the rows.
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

from exchanger.testing.processes import process_environment  # noqa: E402
from exchanger.testing.servers import TestServers  # noqa: E402

FEW = 1_000
ALLOWED_MEGABYTES = 30  # that a large report may need more than one of FEW rows
ORDERS = """
SET session_replication_role = replica;
INSERT INTO orders (user_id, from_currency, to_currency, amount, exchange_rate, status, created_at, updated_at)
SELECT gen_random_uuid(), 'USD', 'UAH', 20 + number % 9000 + 0.25, 41.5, 'completed', at, at
FROM (SELECT number, TIMESTAMPTZ '2026-01-01 UTC' + number * interval '10 seconds' AS at
      FROM generate_series(0, {rows} - 1) number) numbered;
RESET session_replication_role;
ANALYZE orders;
"""


def make(format_: str) -> None:
    """Be an admin worker that makes one report, and tell of it."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "exchanger.settings"
    import django

    django.setup()
    from django.core.files.storage import storages

    from admin_panel.models import Report
    from admin_panel.services.actors import NOBODY
    from admin_panel.services.report_making import report_make

    parameters = {"since": "2026-01-01", "until": "2026-10-31", "format": format_}
    report = Report.objects.create(name="Bench", type="orders", parameters=parameters, generated_by=NOBODY)
    start = time.perf_counter()
    report_make(report_id=report.pk)
    seconds = time.perf_counter() - start
    report.refresh_from_db()
    assert report.file_path, report.problem
    size = storages["reports"].size(report.file_path) / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{format_:<6}{report.rows_written:>12,}{seconds:>9.1f}{size:>9.1f}{peak:>15.1f}", flush=True)


def measured(servers: TestServers, format_: str) -> float:
    """Have a process make the report of all orders, and print its line; its peak in megabytes."""
    done = subprocess.run(
        [sys.executable, __file__, "--make", format_],
        cwd=ROOT,
        env={**process_environment("admin", servers.environments), "LOG_LEVEL": "ERROR"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    print(done.stdout, end="", flush=True)
    return float(done.stdout.split()[-1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="orders of the large report (default: a million)")
    parser.add_argument("--make", choices=("csv", "xlsx"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        make(options.make)
        return 0
    servers = TestServers()
    servers.acquire()
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "-v0"],
        cwd=ROOT,
        env=process_environment(None, servers.environments),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    web = servers.superuser("web")
    print(f"{'':<6}{'rows':>12}{'seconds':>9}{'MB':>9}{'peak memory MB':>15}")
    peaks = {}
    for rows in (FEW, options.rows):
        web.execute("DELETE FROM orders")
        web.execute(ORDERS.format(rows=rows))
        for format_ in ("csv", "xlsx"):
            peaks[format_, rows] = measured(servers, format_)
    grown = max(peaks[format_, options.rows] - peaks[format_, FEW] for format_ in ("csv", "xlsx"))
    print(f"\nThe memory grew by {grown:.0f} MB at most.")
    return int(grown > ALLOWED_MEGABYTES)


if __name__ == "__main__":
    sys.exit(main())
