"""What became of an import, for the operator."""

from collections.abc import Sequence

from exchanger.legacy.batches import Batch
from exchanger.legacy.ledger import STEP as LEDGER
from exchanger.legacy.run import Outcome, Wanted


def outcome_lines(outcome: Outcome, wanted: Wanted) -> list[str]:
    """A line a step, and what to do next."""
    batch = outcome.batch
    lines = [f"{'step':<18} {'read':>12} {'taken':>12} {'changed':>9} {'there':>12} {'rejected':>9}"]
    for name, totals in outcome.totals.items():
        lines.append(
            f"{name:<18} {totals.read:>12,} {totals.taken:>12,} {totals.changed:>9,} {totals.same:>12,}"
            f" {totals.rejected:>9,}"
        )
    if LEDGER in outcome.totals:
        lines.append(f"({LEDGER}: orders read, entries taken)")
    lines += [f"The old database has no table for step {name}: passed over." for name in outcome.missing]
    if outcome.rejects:
        lines.append(f"Rows with something to tell, each with its reason, in {wanted.rejects}: {outcome.rejects:,}.")
    if wanted.dry:
        return [*lines, "A dry run: nothing was committed."]
    return [
        *lines,
        f"Batch {batch.number} is imported.",
        f"--roll-back {batch.number} takes it out again, --seal {batch.number} gives that up.",
    ]


def batch_lines(batches: Sequence[Batch]) -> list[str]:
    """A line a batch."""
    return [
        f"batch {batch.number}: {batch.state}, begun {batch.started_at:%Y-%m-%d %H:%M} UTC, from {batch.source}"
        f" by {batch.mapping}{f', since {batch.since:%Y-%m-%d %H:%M %Z}' if batch.since else ''}"
        for batch in batches
    ]
