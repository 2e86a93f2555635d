"""The reports there are, each declared once."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import OperationalError
from django.db.models import Count, DecimalField, QuerySet, Sum
from django.db.models.functions import Extract

from admin_panel.reports import forms, rows
from admin_panel.reports.forms import Parameters, PeriodForm
from admin_panel.reports.rows import Chunks
from exchanger.kernel.refusals import Refused


class WrongParameters(Refused):
    """A report cannot be asked for with these; ``details`` names the fields."""

    codes = {400: {"wrong_parameters": "The report cannot be made with these parameters."}}

    def __init__(self, form: PeriodForm) -> None:
        details = {field: [str(error) for error in errors] for field, errors in form.errors.items()}
        super().__init__("wrong_parameters", "The report cannot be made with these parameters.", details=details)


@dataclass(frozen=True, slots=True)
class ReportKind:
    """A kind of report.

    ``permission`` is the one to see the rows that it shows. ``source`` are the stored rows that it is made of, and
    ``marks`` those moments of theirs of which one moves with every change. ``chunks`` are its rows, and ``steps`` is
    about how many chunks there will be.
    """

    name: str
    title: str
    about: str
    permission: str
    form: type[PeriodForm]
    header: Sequence[str]
    source: Callable[[Parameters], QuerySet[Any]]
    marks: Sequence[str]
    chunks: Callable[[Parameters], Chunks]
    steps: Callable[[Parameters], int]

    def read(self, data: Mapping[str, Any]) -> PeriodForm:
        """A valid form of what a browser sent, or of a report's stored parameters.

        Raises:
            WrongParameters
        """
        form = self.form(data)
        if not form.is_valid():
            raise WrongParameters(form)
        return form

    def fingerprint(self, form: PeriodForm) -> str:
        """What tells two files apart that could differ: the parameters, and the state of the data they meet.

        Empty where the data are too many to be looked at in the time that a statement has.
        """
        try:
            sums = {f"moments_{n}": _sum_of_moments(mark) for n, mark in enumerate(self.marks)}
            found = self.source(form.cleaned_data).aggregate(rows=Count("pk"), **sums)
        except OperationalError:
            return ""
        state = {name: str(value) for name, value in found.items()}
        text = json.dumps([self.name, form.stored(), state], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def _sum_of_moments(column: str) -> Sum:
    """To the microsecond: it changes with whichever of them, where the latest would hide a change of another."""
    return Sum(Extract(column, "epoch"), output_field=DecimalField())


TURNOVER = ReportKind(
    name="turnover",
    title="Turnover",
    about="Orders by pair and day or month: how many, how many completed, and what the completed gave and received.",
    permission="web.view_order",
    form=forms.TurnoverForm,
    header=("From day", "To day", "Given", "Received", "Orders", "Completed", "Amount given", "Amount received"),
    source=rows.orders,
    marks=("updated_at",),
    chunks=rows.turnover_chunks,
    steps=lambda parameters: sum(1 for _ in rows.periods(parameters)),
)
ORDERS = ReportKind(
    name="orders",
    title="Orders",
    about="Every order that was made in the period, with its rate and status.",
    permission="web.view_order",
    form=forms.OrdersForm,
    header=("Made (UTC)", "Order", "Client", "Given", "Received", "Amount", "Rate", "Status", "Changed (UTC)"),
    source=rows.orders,
    marks=("updated_at",),
    chunks=rows.order_chunks,
    steps=lambda parameters: rows.keyset_steps(rows.orders(parameters)),
)
LEDGER = ReportKind(
    name="ledger",
    title="Ledger statement",
    about="Every entry of the ledger in the period, and at the end what they come to by account and currency.",
    permission="web.view_transaction",
    form=forms.LedgerForm,
    header=(
        "Booked (UTC)",
        "Entry",
        "Order",
        "Payment",
        "Client",
        "Kind",
        "Account",
        "Currency",
        "Amount",
        "Description",
    ),
    source=rows.entries,
    marks=("created_at",),
    chunks=rows.ledger_chunks,
    steps=lambda parameters: rows.keyset_steps(rows.entries(parameters)) + 1,
)
RATES = ReportKind(
    name="rates",
    title="Rates",
    about="Every rate that came into force in the period, until when, and who set it.",
    permission="web.view_exchangerate",
    form=forms.PairForm,
    header=(
        "In force from (UTC)",
        "Until (UTC)",
        "Given",
        "Received",
        "Rate",
        "Source",
        "Confirmed (UTC)",
        "Set by",
        "Id",
    ),
    source=rows.rates,
    marks=("confirmed_at", "valid_until", "valid_from"),
    chunks=rows.rate_chunks,
    steps=lambda parameters: rows.keyset_steps(rows.rates(parameters)),
)
AUDIT = ReportKind(
    name="audit",
    title="Audit extract",
    about="What operators did or tried in the period, with old and new values and how it ended.",
    permission="admin_panel.view_auditlog",
    form=forms.AuditForm,
    header=(
        "When (UTC)",
        "Entry",
        "Operator",
        "Action",
        "Outcome",
        "Resource",
        "Resource's id",
        "Old values",
        "New values",
        "Address",
        "Agent",
    ),
    source=rows.audit_logs,
    marks=("created_at", "result__created_at"),
    chunks=rows.audit_chunks,
    steps=lambda parameters: rows.keyset_steps(rows.audit_logs(parameters)),
)

KINDS: Mapping[str, ReportKind] = {kind.name: kind for kind in (TURNOVER, ORDERS, LEDGER, RATES, AUDIT)}


def kinds_for(user: Any) -> Iterator[ReportKind]:
    """Those whose rows the operator may see."""
    return (kind for kind in KINDS.values() if user.has_perm(kind.permission))
