"""Many notifications through two senders to a local Telegram, one killed midway: what is lost, what comes twice?

    python bench/notifications.py [--notifications N] [--pace N]

On throwaway servers of its own. The local Telegram refuses whoever sends more than 1.2 times the pace in any second,
which is what its 30 are to our 25. Exits with 1 if a promise did not hold.
"""

import argparse
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

from bench.preparation import migrate  # noqa: E402
from bench.promises import Promise, say  # noqa: E402
from exchanger.kernel.contexts import Context  # noqa: E402
from exchanger.sandbox.telegram.limits import WINDOW_SECONDS, Limits  # noqa: E402
from exchanger.sandbox.telegram.server import TelegramServer, serving  # noqa: E402
from exchanger.testing.processes import process_environment  # noqa: E402
from exchanger.testing.servers import TestServers  # noqa: E402

SENDERS = 2
ALLOWANCE = 1.2  # what Telegram takes, over what we send
POLL_SECONDS = 0.5
# Each to a chat of its own.
ROWS = """
INSERT INTO conversations (telegram_user_id) SELECT number FROM generate_series(1, {count}) number;
INSERT INTO notifications (user_id, telegram_user_id, message, notification_type)
SELECT gen_random_uuid(), number, 'Order ' || number || ' is completed.', 'order.completed'
FROM generate_series(1, {count}) number;
"""
ENDED = """
SELECT count(*) FILTER (WHERE sent), count(*) FILTER (WHERE dead_at IS NOT NULL), max(attempts) FROM notifications
"""


@contextmanager
def senders(servers: TestServers, telegram: TelegramServer, pace: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    environment = {
        **process_environment(Context.TELEGRAM, servers.environments),
        "TELEGRAM_BOT_TOKEN": telegram.token,
        "TELEGRAM_API_URL": telegram.url,
        "TELEGRAM_MESSAGES_PER_SECOND": str(pace),
    }
    command = [sys.executable, "manage.py", "send_notifications"]
    running = [subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) for _ in range(SENDERS)]
    try:
        yield running
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()


def busiest_window(times: Sequence[float]) -> int:
    """The most that came within any second."""
    most = first = 0
    for last, at in enumerate(times):
        while times[first] <= at - WINDOW_SECONDS:
            first += 1
        most = max(most, last - first + 1)
    return most


def run(servers: TestServers, telegram: TelegramServer, count: int, pace: int) -> bool:
    database = servers.superuser("bot")
    database.execute(ROWS.format(count=count).encode())
    database.execute("VACUUM ANALYZE")

    def ended() -> tuple[int, int, int]:
        row = database.execute(ENDED).fetchone()
        assert row is not None
        return row[0], row[1], row[2]

    from bot.sender.loop import CONCURRENT

    killed_at = 0
    with senders(servers, telegram, pace) as (first, *others):
        begun = time.monotonic()
        while sum(ended()[:2]) < count and any(process.poll() is None for process in others):
            time.sleep(POLL_SECONDS)
            if not killed_at and len(telegram.calls) >= count // 2:
                first.kill()
                killed_at = len(telegram.calls)
        seconds = time.monotonic() - begun
    sent, dead, attempts = ended()
    calls = [call for call in telegram.calls if call.method == "sendMessage"]
    arrived = Counter(call.chat_id for call in calls if call.applied)
    times = [call.at for call in calls]
    # After the kill only what the dead one had claimed is left at the end, until its claims run out.
    steady = times[: killed_at or len(times)]
    rate = len(steady) / (steady[-1] - steady[0])
    twice = sum(number - 1 for number in arrived.values())
    busiest = busiest_window(times)
    print(f"{count:,} notifications, {SENDERS} senders, one killed after {killed_at:,}; {seconds:.0f} s in all")
    print(f"Until then {rate:,.0f} a second of {pace:,}; the busiest second had {busiest:,}\n")
    return say(
        [
            Promise("every notification has arrived", len(arrived) == count, f"{len(arrived):,} of {count:,}"),
            Promise("every one is recorded as sent", (sent, dead) == (count, 0), f"{sent:,} sent, {dead} dead"),
            Promise("none came more than twice", max(arrived.values()) <= 2, f"{max(arrived.values())} times at most"),
            Promise(
                f"at most the {CONCURRENT} under way when it was killed came twice", twice <= CONCURRENT, f"{twice}"
            ),
            Promise(
                f"no second had more than {ALLOWANCE:g} times the pace", busiest <= pace * ALLOWANCE, f"{busiest:,}"
            ),
            Promise("nothing was refused or failed", attempts == 0, f"{attempts} attempts failed at most"),
            Promise("Telegram never asked for a pause", *_pauses(calls)),
        ]
    )


def _pauses(calls: Sequence[object]) -> tuple[bool, str]:
    refused = sum(getattr(call, "status", None) == 429 for call in calls)
    return refused == 0, f"{refused} times"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--notifications", type=int, default=100_000, help="how many (default: 100,000)")
    parser.add_argument("--pace", type=int, default=500, help="how many a second at most (default: 500)")
    options = parser.parse_args()
    servers = TestServers()
    servers.acquire()
    migrate(servers)
    limits = Limits(per_second=round(options.pace * ALLOWANCE), chat_per_second=1)
    with serving(limits=limits, anybody=True) as telegram:
        return int(not run(servers, telegram, options.notifications, options.pace))


if __name__ == "__main__":
    sys.exit(main())
