"""What must have held in a drill, each with what was measured."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bench.drilling.clients import Kind, Sample
from bench.drilling.faults import FROZEN, Hit
from bench.drilling.phases import Outcome, Phase, used_again
from bench.promises import Promise

NOT_WRITES = {Kind.READ, Kind.READ_BACK, Kind.READ_ENDED}


@dataclass(frozen=True, slots=True)
class Drill:
    """What is known of the processes while they were broken."""

    processes: int
    threads: int
    probe_seconds: float
    phases: list[Phase]

    def promises(self) -> Iterator[Promise]:
        yield self._reads(Hit.REDIS, "no authenticated read failed for Redis' sake")
        yield self._writes_without_redis()
        yield self._read_back()
        yield self._waits()
        yield self._used_again()
        yield self._warm_reads()
        yield self._refused_writes()
        yield self._reads(Hit.WEB, "no authenticated read failed when a process was killed")
        yield self._healthy()

    def _during(self, hit: Hit, *, healed: bool) -> list[Phase]:
        return [phase for phase in self.phases if phase.hits(hit) and (healed or phase.broken)]

    def _reads(self, hit: Hit, text: str) -> Promise:
        phases = self._during(hit, healed=True)
        failed = sum(phase.count(Outcome.FAILED, _is_read) for phase in phases)
        reads = sum(_is_read(sample) for phase in phases for sample in phase.samples)
        return Promise(text, failed == 0 and reads > 0, f"{failed:,} of {reads:,}")

    def _writes_without_redis(self) -> Promise:
        phases = self._during(Hit.REDIS, healed=True)
        failed = sum(phase.count(Outcome.FAILED, _is_no_read) for phase in phases)
        asked = sum(_is_no_read(sample) for phase in phases for sample in phase.samples)
        text = "without Redis people log in, save and log out"
        return Promise(text, failed == 0 and asked > 0, f"{failed:,} of {asked:,} failed")

    def _read_back(self) -> Promise:
        stale = sum(phase.count(Outcome.STALE) for phase in self.phases)
        answered = sum(
            sample.kind is Kind.READ_BACK and sample.status == Kind.READ_BACK.status
            for phase in self.phases
            for sample in phase.samples
        )
        return Promise(
            "what was read back is what had been saved, whatever broke in between",
            stale == 0 and answered > 0,
            f"{stale:,} of {answered:,} were not",
        )

    def _waits(self) -> Promise:
        """One request an interval of each process, and before the first of them those that were under way."""
        (frozen,) = [phase for phase in self.phases if phase.name == FROZEN]
        allowed = self.threads + math.ceil((frozen.ended - frozen.began) / self.probe_seconds)
        waits = [0] * self.processes
        for sample in frozen.samples:
            waits[sample.process] += sample.unanswered
        return Promise(
            "while Redis was frozen one request a probe waited for it, in each process",
            max(waits) <= allowed,
            f"{sum(waits):,} waits in {len(frozen.samples):,} requests, {allowed * self.processes:,} may be",
        )

    def _used_again(self) -> Promise:
        after = [
            used_again(phase.samples, self.processes, phase.began)
            for phase in self._during(Hit.REDIS, healed=True)
            if phase.healed
        ]
        known = [seconds for seconds in after if seconds is not None]
        measured = f"at the latest after {max(known):.2f} s" if known else "never"
        return Promise("every process used Redis again after each heal", len(known) == len(after) > 0, measured)

    def _warm_reads(self) -> Promise:
        samples = [sample for phase in self._during(Hit.POSTGRESQL, healed=False) for sample in phase.samples]
        reads = [sample for sample in samples if _is_read(sample)]
        ok = sum(sample.status == Kind.READ.status for sample in reads)
        return Promise("warm reads went on without PostgreSQL", ok == len(reads) > 0, f"{ok:,} of {len(reads):,}")

    def _refused_writes(self) -> Promise:
        phases = self._during(Hit.POSTGRESQL, healed=False)
        refused = sum(phase.count(Outcome.REFUSED, _is_write) for phase in phases)
        writes = sum(_is_write(sample) for phase in phases for sample in phase.samples)
        failed = [sample for phase in phases for sample in phase.samples if phase.judged(sample) is Outcome.FAILED]
        return Promise(
            "writes were then 503 with Retry-After, in the shape of every error",
            not failed and refused > 0,
            f"{refused:,} of {writes:,}, {len(failed):,} otherwise{_told(failed)}",
        )

    def _healthy(self) -> Promise:
        phases = [phase for phase in self.phases if not phase.hits(Hit.REDIS) and not phase.broken]
        failed = sum(phase.count(Outcome.FAILED) for phase in phases)
        asked = sum(len(phase.samples) for phase in phases)
        return Promise(
            "nothing failed before the faults, nor after they were healed", failed == 0, f"{failed:,} of {asked:,}"
        )


def _told(samples: Iterable[Sample]) -> str:
    """The answers in words, for whoever looks for the cause."""
    words = ", ".join(f"{sample.kind.value[0]}: {sample.status} {sample.code}".rstrip() for sample in samples)
    return f" ({words})" if words else ""


def _is_read(sample: Sample) -> bool:
    return sample.kind is Kind.READ


def _is_no_read(sample: Sample) -> bool:
    return sample.kind is not Kind.READ


def _is_write(sample: Sample) -> bool:
    return sample.kind not in NOT_WRITES
