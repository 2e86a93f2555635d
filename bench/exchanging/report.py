"""The tables of a run: what was asked, what was killed, and what has become of it all."""

import statistics
from collections import Counter
from collections.abc import Iterable
from itertools import groupby

from bench.exchanging.asking import CUT, NOBODY, Sample
from bench.exchanging.books import Books

COLUMNS = f"{'':<10}{'answers':>9}{'refused':>9}{'cut off':>9}{'nobody':>9}{'median':>9}{'p99':>9}{'worst':>9}"


def requests(samples: Iterable[Sample]) -> str:
    """A row for each thing that was asked; times in milliseconds."""
    ordered = sorted(samples, key=lambda sample: sample.asked)
    return "\n".join([COLUMNS, *(_row(asked, list(found)) for asked, found in groupby(ordered, lambda s: s.asked))])


def refusals(samples: Iterable[Sample]) -> str:
    return _counted(sample.code for sample in samples if sample.code)


def ends(books: Books) -> str:
    return "\n".join(
        [
            f"orders:   {_counted(order.status for order in books.orders)}",
            f"payments: {_counted(f'{payment.payment_method} {payment.status}' for payment in books.payments)}",
            f"refunds:  {_counted(refund.status for refund in books.refunds)}",
            f"done by operators: {_counted(line.action for line in books.trail if line.outcome == 'done')}",
        ]
    )


def _row(asked: str, samples: list[Sample]) -> str:
    answered = [sample.seconds * 1000 for sample in samples if sample.status > CUT]
    refused = sum(sample.status >= 400 for sample in samples)
    cut, nobody = (sum(sample.status == what for sample in samples) for what in (CUT, NOBODY))
    counts = f"{asked:<10}{len(answered):>9,}{refused:>9,}{cut:>9,}{nobody:>9,}"
    if len(answered) < 2:
        return counts
    p99 = statistics.quantiles(answered, n=100, method="inclusive")[98]
    return f"{counts}{statistics.median(answered):>9.0f}{p99:>9.0f}{max(answered):>9.0f}"


def _counted(names: Iterable[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in Counter(names).most_common()) or "none"
