"""The rows of each report, in chunks of a bounded size: whatever the period, no more than one is held at a time."""

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from admin_panel.figures import by_pair
from admin_panel.models import AuditLog
from admin_panel.reports.forms import MONTH, Parameters, midnight, moments
from exchanger.kernel.pagination import keyset_chunks
from web.models import ExchangeRate, Order, Transaction

CHUNK = 1000  # rows that are read by one statement

Chunks = Iterator[Sequence[Sequence[Any]]]


def orders(parameters: Parameters) -> QuerySet[Order]:
    found = _of_pair(Order.objects.filter(**_within("created_at", parameters)), parameters)
    return found.filter(status=parameters["status"]) if parameters.get("status") else found


def entries(parameters: Parameters) -> QuerySet[Transaction]:
    chosen = {name: parameters[name] for name in ("account", "currency") if parameters[name]}
    return Transaction.objects.filter(**_within("created_at", parameters), **chosen)


def rates(parameters: Parameters) -> QuerySet[ExchangeRate]:
    return _of_pair(ExchangeRate.objects.filter(**_within("valid_from", parameters)), parameters)


def audit_logs(parameters: Parameters) -> QuerySet[AuditLog]:
    found = AuditLog.objects.select_related("result").filter(**_within("created_at", parameters))
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
        within = Order.objects.filter(created_at__gte=midnight(start), created_at__lt=midnight(after))
        found = by_pair(_of_pair(within, parameters)).order_by("from_currency", "to_currency")
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
    for chunk in keyset_chunks(orders(parameters), ("created_at", "id"), CHUNK):
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
    for chunk in keyset_chunks(entries(parameters), ("created_at", "id"), CHUNK):
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
    for chunk in keyset_chunks(rates(parameters), ("valid_from", "id"), CHUNK):
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
    for chunk in keyset_chunks(audit_logs(parameters), ("created_at", "id"), CHUNK):
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


def _within(column: str, parameters: Parameters) -> dict[str, Any]:
    start, end = moments(parameters)
    return {f"{column}__gte": start, f"{column}__lt": end}


def _of_pair(rows: QuerySet[Any], parameters: Parameters) -> QuerySet[Any]:
    pair = parameters["pair"]
    return rows if pair is None else rows.filter(from_currency=pair.source, to_currency=pair.target)


def _json(values: Any) -> str:
    return "" if values is None else json.dumps(values, ensure_ascii=False, sort_keys=True)
