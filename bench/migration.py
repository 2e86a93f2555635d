"""A rehearsal of the migration: an old database with known flaws is imported with kills, verified, and taken out again.

    python bench/migration.py [--rows N]

On throwaway servers of its own, with durable commits. What the import takes is held against a raw COPY of the same rows
into the same tables in the same run. Exits with 1 if a promise did not hold.
"""

import argparse
import random
import signal
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

from bench.migrating.building import build  # noqa: E402
from bench.migrating.flaws import office_of  # noqa: E402
from bench.migrating.importing import Importer  # noqa: E402
from bench.migrating.rehearsal import Rehearsal  # noqa: E402
from bench.preparation import migrate  # noqa: E402
from bench.promises import say  # noqa: E402
from exchanger.testing.legacy import SOURCE_DDL, old_database  # noqa: E402
from exchanger.testing.servers import TestServers  # noqa: E402

OLD = "exchanger_old"
DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5_000_000, help="rows of the old database")
    parser.add_argument("--seed", type=int, default=1, help="decides the rows, and when the import is killed")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="keep the rejects and the report of the verification"
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    servers = TestServers()
    servers.acquire()
    migrate(servers)
    superuser = servers.superuser("identity")
    for name in DURABLE:
        superuser.execute(f"ALTER SYSTEM SET {name} = on")
    superuser.execute("SELECT pg_reload_conf()")
    with old_database(superuser, OLD, SOURCE_DDL) as old, tempfile.TemporaryDirectory() as folder:
        office = office_of(options.rows, options.seed)
        flawed = build(old, office)
        importer = Importer(servers, f"postgresql://{old.info.user}@/{OLD}?host={old.info.host}", old.info.password)
        luck = random.Random(options.seed)  # noqa: S311
        where = options.keep or Path(folder)
        rehearsal = Rehearsal(servers, old, office, flawed, importer, luck, where)
        held = say(rehearsal.run())
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
