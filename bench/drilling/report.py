"""The table of a drill: one row a phase."""

import statistics

from bench.drilling.clients import Kind
from bench.drilling.faults import Hit
from bench.drilling.phases import Outcome, Phase, used_again

COLUMNS = f"{'':<26}{'reads':>7}{'writes':>8}{'failed':>8}{'503':>6}{'cut off':>9}"
TIMES = f"{'median':>9}{'p99':>8}{'worst':>8}{'no SQL':>8}  Redis used again"


def table(phases: list[Phase], processes: int) -> str:
    return "\n".join([COLUMNS + TIMES, *(_row(phase, processes) for phase in phases)])


def _row(phase: Phase, processes: int) -> str:
    reads = [sample for sample in phase.samples if sample.kind is Kind.READ]
    failed = phase.count(Outcome.FAILED) + phase.count(Outcome.STALE)
    counts = (
        f"{len(reads):>7,}{len(phase.samples) - len(reads):>8,}{failed:>8,}"
        f"{phase.count(Outcome.REFUSED):>6,}{phase.count(Outcome.CUT):>9,}"
    )
    if len(reads) < 2:
        return f"{phase.name:<26}{counts}"
    times = [sample.seconds * 1000 for sample in reads]
    median, worst = statistics.median(times), max(times)
    p99 = statistics.quantiles(times, n=100, method="inclusive")[98]
    cheap = sum(not sample.statements for sample in reads) / len(reads)
    again = ""
    if phase.healed and phase.hits(Hit.REDIS):
        after = used_again(phase.samples, processes, phase.began)
        again = "not yet" if after is None else f"after {after:.2f} s"
    return f"{phase.name:<26}{counts}{median:>9.1f}{p99:>8.1f}{worst:>8.1f}{cheap:>8.0%}  {again}".rstrip()
