"""The phases of a drill, which of them a request belongs to, and how it is judged there."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum

from bench.drilling.clients import Kind, Sample
from bench.drilling.faults import Fault, Hit


class Outcome(Enum):
    OK = "as it should be"
    REFUSED = "503, as it should be here"
    CUT = "the connection broke with the process"
    STALE = "answered with something else than what had been saved"
    FAILED = "failed"


@dataclass(slots=True)
class Phase:
    """A stretch of time (monotonic seconds) with one fault, or after it (``healed``), or without any."""

    name: str
    began: float
    ended: float
    fault: Fault | None = None
    healed: bool = False
    samples: list[Sample] = field(default_factory=list)

    @property
    def broken(self) -> bool:
        return self.fault is not None and not self.healed

    def hits(self, hit: Hit) -> bool:
        return self.fault is not None and self.fault.hit is hit

    def judged(self, sample: Sample) -> Outcome:
        if sample.status == sample.kind.status:
            return Outcome.OK if sample.right else Outcome.STALE
        if sample.status == 503 and sample.retry_after and self._may_refuse(sample):
            return Outcome.REFUSED
        if sample.status == 0 and self.broken and self.hits(Hit.WEB) and sample.kind in UNREPEATABLE:
            return Outcome.CUT
        return Outcome.FAILED

    def count(self, outcome: Outcome, matching: Callable[[Sample], bool] = lambda sample: True) -> int:
        return sum(self.judged(sample) is outcome for sample in self.samples if matching(sample))

    def _may_refuse(self, sample: Sample) -> bool:
        if self.hits(Hit.REDIS):  # healed, too: a process trusts Redis again after its next probe
            return sample.kind is Kind.LOGOUT and sample.code == "end_unconfirmed"
        return (
            self.broken and self.hits(Hit.POSTGRESQL) and sample.kind is not Kind.READ and sample.code == "unavailable"
        )


UNREPEATABLE = {Kind.LOGIN, Kind.SAVE, Kind.LOGOUT}


def assign(samples: Iterable[Sample], phases: list[Phase]) -> None:
    """Give each sample to the phase it began in, or to the fault that it met, however little.

    A slow one may have met two: then it may end as either of them allows.
    """
    for sample in samples:
        met = [phase for phase in phases if sample.began < phase.ended and sample.ended > phase.began]
        broken = [phase for phase in met if phase.broken]
        excused = [phase for phase in broken if phase.judged(sample) is not Outcome.FAILED]
        for phase in (excused or broken or met)[:1]:
            phase.samples.append(sample)


def used_again(samples: Iterable[Sample], processes: int, since: float) -> float | None:
    """Seconds from ``since`` until every process has answered a read without PostgreSQL; None: not yet."""
    first: dict[int, float] = {}
    for sample in samples:
        cheap = sample.kind is Kind.READ and sample.status == Kind.READ.status and not sample.statements
        if cheap and sample.began >= since:
            first[sample.process] = min(sample.ended, first.get(sample.process, sample.ended))
    return max(first.values()) - since if len(first) == processes else None
