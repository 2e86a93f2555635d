"""The rows of each report, in chunks of a bounded size: whatever the period, no more than one is held at a time."""

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet

from admin_panel.figures import by_pair
from admin_panel.models import AuditLog
from admin_panel.reports.forms import MONTH, Parameters, midnight, moments
from exchanger.kernel.pagination import keyset_chunks
from web.models import ExchangeRate, Order, Transaction

CHUNK = 1000  # rows that are read by one statement

Chunks = Iterator[Sequence[Sequence[Any]]]
Bounds = Callable[[str, Parameters], dict[str, Any]]
M = TypeVar("M", bound=Model)


def within(column: str, parameters: Parameters) -> dict[str, Any]:
    """The period, as a filter on ``column``."""
    start, end = moments(parameters)
    return {f"{column}__gte": start, f"{column}__lt": end}


def orders(parameters: Parameters, bounds: Bounds = within) -> QuerySet[Order]:
    found = _of_pair(Order.objects.filter(**bounds("created_at", parameters)), parameters)
    return found.filter(status=parameters["status"]) if parameters.get("status") else found


def entries(parameters: Parameters, bounds: Bounds = within) -> QuerySet[Transaction]:
    chosen = {name: parameters[name] for name in ("account", "currency") if parameters[name]}
    return Transaction.objects.filter(**bounds("created_at", parameters), **chosen)


def rates(parameters: Parameters, bounds: Bounds = within) -> QuerySet[ExchangeRate]:
    return _of_pair(ExchangeRate.objects.filter(**bounds("valid_from", parameters)), parameters)


def audit_logs(parameters: Parameters, bounds: Bounds = within) -> QuerySet[AuditLog]:
    found = AuditLog.objects.select_related("result").filter(**bounds("created_at", parameters))
    return found.filter(resource_type=parameters["resource_type"]) if parameters["resource_type"] else found


def periods(parameters: Parameters) -> Iterator[tuple[date, date]]:
    """The days or months of a turnover, each by its first day and the day after its last one."""
    start, end = parameters["since"], parameters["until"] + timedelta(days=1)
    while start < end:
        after = start + timedelta(days=1)
        if parameters["by"] == MONTH:
            after = min((start.replace(day=1) + timedelta(days=32)).replace(day=1), end)
        yield start, after
        start = after


def turnover_chunks(parameters: Parameters) -> Chunks:
    """One statement a period, which an index on the time bounds."""
    for start, after in periods(parameters):
        made = Order.objects.filter(created_at__gte=midnight(start), created_at__lt=midnight(after))
        found = by_pair(_of_pair(made, parameters)).order_by("from_currency", "to_currency")
        yield [
            (
                start.isoformat(),
                (after - timedelta(days=1)).isoformat(),
                line["from_currency"],
                line["to_currency"],
                line["orders"],
                line["completed"],
                line["given"] or Decimal(0),
                line["received"] or Decimal(0),
            )
            for line in found
        ]


def order_chunks(parameters: Parameters) -> Chunks:
    for chunk in _chunked(orders, "created_at", parameters):
        yield [
            (
                row.created_at,
                row.pk,
                row.user_id,
                row.from_currency,
                row.to_currency,
                row.amount,
                row.exchange_rate,
                row.status,
                row.updated_at,
            )
            for row in chunk
        ]


def ledger_chunks(parameters: Parameters) -> Chunks:
    """The entries, then what they come to by account and currency."""
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for chunk in _chunked(entries, "created_at", parameters):
        for row in chunk:
            sums[row.account, row.currency] += row.amount
        yield [
            (
                row.created_at,
                row.pk,
                row.order_id,
                row.payment_id,
                row.user_id,
                row.kind,
                row.account,
                row.currency,
                row.amount,
                row.description,
            )
            for row in chunk
        ]
    yield [
        (None, None, None, None, None, "sum of the period", account, currency, total, "")
        for (account, currency), total in sorted(sums.items())
    ]


def rate_chunks(parameters: Parameters) -> Chunks:
    for chunk in _chunked(rates, "valid_from", parameters):
        yield [
            (
                row.valid_from,
                row.valid_until,
                row.from_currency,
                row.to_currency,
                row.rate,
                row.source,
                row.confirmed_at,
                row.set_by,
                row.pk,
            )
            for row in chunk
        ]


def audit_chunks(parameters: Parameters) -> Chunks:
    for chunk in _chunked(audit_logs, "created_at", parameters):
        yield [
            (
                row.created_at,
                row.pk,
                row.admin_id,
                row.action,
                row.outcome,
                row.resource_type,
                row.resource_id,
                _json(row.old_values),
                _json(row.new_values),
                row.ip_address,
                row.user_agent,
            )
            for row in chunk
        ]


def keyset_steps(rows: QuerySet[Any]) -> int:
    """About how many chunks there will be, by what PostgreSQL's planner expects: counting would read them all."""
    [explained] = json.loads(rows.order_by().explain(format="json"))
    expected: int = explained["Plan"]["Plan Rows"]
    return math.ceil(expected / CHUNK) + 1


def _chunked(
    rows: Callable[[Parameters, Bounds], QuerySet[M]], column: str, parameters: Parameters
) -> Iterator[list[M]]:
    """The rows of the period in the order of ``column``; the first position is before any row of its first moment."""
    start, _ = moments(parameters)
    before = (start, UUID(int=0))
    return keyset_chunks(rows(parameters, _before_end), (column, "id"), CHUNK, after=before)


def _before_end(column: str, parameters: Parameters) -> dict[str, Any]:
    _, end = moments(parameters)
    return {f"{column}__lt": end}


def _of_pair(rows: QuerySet[Any], parameters: Parameters) -> QuerySet[Any]:
    pair = parameters["pair"]
    return rows if pair is None else rows.filter(from_currency=pair.source, to_currency=pair.target)


def _json(values: Any) -> str:
    return "" if values is None else json.dumps(values, ensure_ascii=False, sort_keys=True)
