"""What breaks: processes are killed at random and started again, and Redis once."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from random import Random

from bench.exchanging.parts import Part, Platform
from bench.outages import redis_killed

PAUSE = 0.4, 1.2  # seconds between two kills
DOWN_TOGETHER = 3  # processes, at most
REDIS_DOWN_SECONDS = 1.0


class Chaos:
    """Kills one of everything first, in a random order, and then whatever chance says."""

    def __init__(self, platform: Platform, chance: Random) -> None:
        self.platform = platform
        self.chance = chance
        self.redis_kills = 0
        kinds = sorted({part.kind for part in platform.parts})
        self._first = chance.sample(kinds, len(kinds))
        self._places = threading.Semaphore(DOWN_TOGETHER)

    def run(self, stop: threading.Event) -> None:
        """Until it is told to stop; then everything is up again.

        Raises:
            RuntimeError: something could not be started again.
        """
        starting: list[Future[None]] = []
        with ThreadPoolExecutor(DOWN_TOGETHER) as threads:
            while not stop.wait(self.chance.uniform(*PAUSE)):
                self._places.acquire()
                part = self._choose()
                part.kill()
                starting.append(threads.submit(self._start, part))
        for future in starting:
            future.result()

    def kill_redis(self) -> None:
        self.redis_kills += 1
        with redis_killed(self.platform.servers):
            threading.Event().wait(REDIS_DOWN_SECONDS)

    def _start(self, part: Part) -> None:
        try:
            part.start()
        finally:
            self._places.release()

    def _choose(self) -> Part:
        up = [part for part in self.platform.parts if part.process is not None]
        if self._first:
            wanted = [part for part in up if part.kind == self._first[-1]]
            self._first.pop()
            if wanted:
                return self.chance.choice(wanted)
        return self.chance.choice([part for part in up if self._is_spare(part)])

    def _is_spare(self, part: Part) -> bool:
        """Of two web processes one is always there: clients have to get anywhere at all."""
        same = self.platform.of_kind(part.kind)
        return part.kind != "web process" or sum(one.process is not None for one in same) > 1
