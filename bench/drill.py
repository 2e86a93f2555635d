"""A fault drill under load: servers and a web process are broken one after the other while clients go on.

    python bench/drill.py [--seconds N]

On throwaway servers of its own, with real web processes over HTTP. Exits with 1 if a promise did not hold.
"""

import argparse
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

from bench.drilling.afterwards import sessions_are_right  # noqa: E402
from bench.drilling.clients import PASSWORD, Client, Reader, Sample, Writer  # noqa: E402
from bench.drilling.faults import Hit, faults  # noqa: E402
from bench.drilling.fleet import Fleet  # noqa: E402
from bench.drilling.phases import Phase, assign, used_again  # noqa: E402
from bench.drilling.promises import Drill  # noqa: E402
from bench.drilling.report import table  # noqa: E402
from bench.preparation import migrate  # noqa: E402
from bench.promises import say  # noqa: E402
from exchanger.testing.servers import TestServers  # noqa: E402

PROCESSES = 2
THREADS = 4  # of each process; as many clients have it as their home, so no request waits for another's thread
READERS = 3  # of each process
SESSIONS = 2  # of each reader
HEAL_SECONDS = 30  # after that Redis is not coming back into use


def prepare(servers: TestServers, emails: list[str]) -> None:
    """Let there be people."""
    migrate(servers)
    from django.contrib.auth.hashers import make_password

    password = make_password(PASSWORD)
    with servers.superuser("identity").cursor() as cursor:
        cursor.executemany(
            "INSERT INTO users (email, password_hash) VALUES (%s, %s)", [(email, password) for email in emails]
        )


def drill(servers: TestServers, fleet: Fleet, seconds: float, samples: Callable[[], list[Sample]]) -> Iterator[Phase]:
    """Break and heal everything once; yields each phase when it is over."""
    began = time.monotonic()
    time.sleep(seconds)
    yield Phase("steady", began, time.monotonic())
    for fault in faults(servers, fleet):
        began = time.monotonic()
        with fault.holds():
            time.sleep(seconds)
        healed = time.monotonic()
        yield Phase(fault.name, began, healed, fault)
        if fault.hit is Hit.REDIS:
            while used_again(samples(), fleet.size, healed) is None and time.monotonic() < healed + HEAL_SECONDS:
                time.sleep(0.1)
        time.sleep(seconds)  # with everything warm again, as the next fault should find it
        yield Phase("  healed", healed, time.monotonic(), fault, healed=True)


def run(servers: TestServers, fleet: Fleet, options: argparse.Namespace) -> bool:
    clients = [Client(fleet, number % PROCESSES, f"192.0.2.{number + 1}") for number in range(PROCESSES * THREADS)]
    emails = iter(everybody())
    readers = [Reader(client, [next(emails) for _ in range(SESSIONS)]) for client in clients[: PROCESSES * READERS]]
    writers = [Writer(client, next(emails)) for client in clients[PROCESSES * READERS :]]
    workers: list[Reader | Writer] = [*readers, *writers]
    stop = threading.Event()
    with ThreadPoolExecutor(len(clients)) as threads:
        working = [threads.submit(worker.run, stop) for worker in workers]
        try:
            phases = list(drill(servers, fleet, options.seconds, lambda: [s for c in clients for s in c.samples]))
        finally:
            stop.set()
    for future in working:
        future.result()
    assign((sample for client in clients for sample in client.samples), phases)
    print(table(phases, PROCESSES), end="\n\n")
    held = [one for reader in readers for one in reader.living]
    held += [one for writer in writers for one in (*writer.living, *writer.left)]
    with servers.redis() as control:
        afterwards = sessions_are_right(held, [fleet.route(slot)[1] for slot in range(PROCESSES)], control.flushall)
        promises = [*Drill(PROCESSES, THREADS, options.probe, phases).promises(), *afterwards]
    for client in clients:
        client.close()
    return say(promises)


def everybody() -> list[str]:
    return [f"person{number}@example.com" for number in range(PROCESSES * THREADS * SESSIONS)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10, help="how long each fault lasts, and each time after it")
    parser.add_argument("--timeout", type=float, default=0.25, help="REDIS_TIMEOUT of the processes, seconds")
    parser.add_argument("--probe", type=float, default=2.0, help="REDIS_PROBE_SECONDS of the processes")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    print(
        f"Fault drill: {PROCESSES} web processes of {THREADS} threads, {PROCESSES * READERS} readers,"
        f" {PROCESSES * (THREADS - READERS)} writers; {options.seconds:g} s a phase."
    )
    print(f"Redis is waited for {options.timeout:g} s and probed every {options.probe:g} s; reads in milliseconds.\n")
    servers = TestServers()
    servers.acquire()
    prepare(servers, everybody())
    extra = {
        "DJANGO_SETTINGS_MODULE": "bench.drilling.settings",
        "REDIS_TIMEOUT": str(options.timeout),
        "REDIS_PROBE_SECONDS": str(options.probe),
        "TRUSTED_PROXIES": "1",
        "API_READS_PER_MINUTE": "1000000",
        "API_WRITES_PER_MINUTE": "1000000",
    }
    with Fleet(servers, PROCESSES, THREADS, extra) as fleet:
        held = run(servers, fleet, options)
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
