"""The exchange under load while its processes are killed: what clients and operators do must end as it should.

    python bench/exchange.py [--seconds N] [--seed N]

On throwaway servers of its own, with every process of the platform over real HTTP. Exits with 1 if a promise did not
hold.
"""

import argparse
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

from bench.exchanging.chaos import Chaos  # noqa: E402
from bench.exchanging.clients import Client  # noqa: E402
from bench.exchanging.clock import Clock  # noqa: E402
from bench.exchanging.luck import luck  # noqa: E402
from bench.exchanging.operators import Operator  # noqa: E402
from bench.exchanging.parts import WEB_PROCESSES, WEB_THREADS, WEB_WORKERS, Platform  # noqa: E402
from bench.exchanging.people import settle_in  # noqa: E402
from bench.exchanging.settling import settle  # noqa: E402
from bench.preparation import migrate  # noqa: E402
from bench.promises import Promise, say  # noqa: E402
from exchanger.testing.servers import TestServers  # noqa: E402

CLIENTS = [f"client{number}@example.com" for number in range(3)]
DEVICES = 2  # of each client
OPERATORS = [f"operator{number}@example.com" for number in range(2)]
EXTRA = {
    "TRUSTED_PROXIES": "1",
    **{f"API_{scope}_PER_MINUTE": "1000000" for scope in ("READS", "WRITES", "QUOTES", "ORDERS")},
    "LOG_LEVEL": "WARNING",
}


@dataclass(frozen=True, slots=True)
class Settled:
    """How long it took until nothing was under way any more, and what was all the same."""

    seconds: float
    left: dict[str, int]


class Run:
    """The people, and what breaks under them."""

    def __init__(self, platform: Platform, seed: int) -> None:
        self.platform = platform
        self.clients = [
            Client(email, platform.web_urls, luck(seed, f"{email} {device}"), f"192.0.2.{10 * number + device + 1}")
            for number, email in enumerate(CLIENTS)
            for device in range(DEVICES)
        ]
        self.operators = [Operator(email, platform.url("admin"), luck(seed, email)) for email in OPERATORS]
        self.chaos = Chaos(platform, luck(seed, "chaos"))
        self.clock = Clock(platform)

    def load(self, seconds: float) -> Settled:
        """Everything at once for that long; then what is under way ends, and everybody looks at their orders again."""
        for person in (*self.clients, *self.operators):
            person.log_in()
        with self._at_work([*self.clients, *self.operators, self.clock, self.chaos]):
            time.sleep(seconds / 2)
            self.chaos.kill_redis()
            time.sleep(seconds / 2)
        began = time.monotonic()
        with self._at_work(self.operators):  # until there is nothing more for them
            settle(self.platform, self.clock)
        left = settle(self.platform, self.clock)  # what the last of it has led to ends without them
        settled = Settled(time.monotonic() - began, left)
        for client in self.clients:
            client.look_at_all()
        return settled

    @contextmanager
    def _at_work(self, people: Sequence[Client | Operator | Chaos | Clock]) -> Iterator[None]:
        """They run while the block does. What one of them raised is raised at its end."""
        stop = threading.Event()
        with ThreadPoolExecutor(len(people)) as threads:
            running = [threads.submit(one.run, stop) for one in people]
            try:
                yield
            finally:
                stop.set()
        for future in running:
            future.result()


def judge(run: Run, settled: Settled) -> bool:
    """Print what happened, and whether every promise held."""
    from bench.exchanging import report
    from bench.exchanging.books import read_books
    from bench.exchanging.money import money
    from bench.exchanging.promises import Told, promises

    books = read_books(run.platform)
    askers = [person.asker for person in (*run.clients, *run.operators)]
    told = Told(
        [sample for asker in askers for sample in asker.samples],
        [command for asker in askers for command in asker.commands],
        [sight for client in run.clients for sight in client.sights],
    )
    kills = Counter({"Redis": run.chaos.redis_kills})
    for part in run.platform.parts:
        kills[part.kind] += part.kills
    print(report.requests(told.samples), end="\n\n")
    print(f"refused:  {report.refusals(told.samples)}")
    print(f"killed:   {', '.join(f'{count} × {kind}' for kind, count in kills.most_common())}")
    print(report.ends(books), end="\n\n")
    left = ", ".join(f"{count} {name}" for name, count in settled.left.items())
    ended = left or f"after {settled.seconds:.1f} s"
    return say(
        [
            Promise("all that was under way came to its end", not settled.left, ended),
            verified("verify_ledger"),
            verified("verify_audit"),
            *promises(books, told),
            *money(books),
        ]
    )


def verified(command: str) -> Promise:
    """What a command of the platform says of it."""
    from django.core.management import CommandError, call_command

    output = StringIO()
    try:
        call_command(command, stdout=output)
    except CommandError as error:
        return Promise(f"{command} finds nothing", False, str(error))
    return Promise(f"{command} finds nothing", True, output.getvalue().strip().partition(", the head")[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60, help="how long clients go on while processes are killed")
    parser.add_argument("--seed", type=int, default=1, help="what chance begins with; timing has its own")
    parser.add_argument("--life", type=int, default=15, help="seconds that a quote is firm, and its order can be paid")
    parser.add_argument("--logs", type=Path, metavar="FOLDER", help="keep the processes' logs there")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    print(
        f"Exchange under kills: {WEB_PROCESSES} web processes of {WEB_THREADS} threads, {WEB_WORKERS} web workers, and"
        f" one each of the others;\n{len(CLIENTS)} clients with {DEVICES} devices each, {len(OPERATORS)} operators;"
        f" {options.seconds:g} s, seed {options.seed}; times in milliseconds.\n",
        flush=True,
    )
    servers = TestServers()
    servers.acquire()
    migrate(servers)
    settle_in(CLIENTS, OPERATORS, options.life)
    platform = Platform(servers, EXTRA)
    try:
        with platform.running():
            run = Run(platform, options.seed)
            settled = run.load(options.seconds)
            held = judge(run, settled)
    finally:
        if options.logs:
            shutil.copytree(servers.paths.logs, options.logs, dirs_exist_ok=True)
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
