"""What years have left in the old database, each kind in rows of its own, so that the import must find just these."""

from collections import Counter
from dataclasses import dataclass, field

from bench.migrating.office import FEW, SHARES, Columns, Office

SHARE = 0.0005  # of its table's rows, for each flaw; one at least
_LEAST = 20  # rows of a table, so that there is something sound among the flawed


@dataclass(frozen=True, slots=True)
class Flaw:
    """``reason`` is the import's name of it; ``bent`` are the columns in which such a row differs from a sound one."""

    name: str
    table: str
    reason: str
    bent: Columns = field(default_factory=dict)


def flaws(office: Office) -> list[Flaw]:
    """In a row with a flaw ``n`` counts on from the sound ones, and ``k`` from 1."""
    nobody, order, rate = "md5('nobody ' || n)::uuid", office.columns("orders"), office.rate("k")
    small = {column: f"lower({rate[column]})" for column in ("from_currency", "to_currency")}
    return [
        Flaw(
            "e-mail of another person in capitals",
            "users",
            "email:duplicate",
            {"email": "'PERSON' || k || '@EXAMPLE.COM'"},
        ),
        Flaw(
            "permission of nobody",
            "user_permissions",
            "user_id:no_such_row",
            {"user_id": nobody, "permission": "'superuser'"},
        ),
        Flaw(
            "permission in an unknown application",
            "user_permissions",
            "application_context:context_unknown",
            {"application_context": "'kiosk'", "permission": "'kiosk.use'"},
        ),
        Flaw("profile of nobody", "user_profiles", "user_id:no_such_row", {"user_id": nobody}),
        Flaw("order of nobody", "orders", "user_id:no_such_row", {"user_id": nobody}),
        Flaw(
            "order in an unknown currency", "orders", "from_currency:currency_unknown", {"from_currency": "'DOLLARS'"}
        ),
        Flaw("order of a currency into itself", "orders", "same_currency", {"to_currency": order["from_currency"]}),
        Flaw("order of a negative amount", "orders", "amount:not_positive", {"amount": "-25"}),
        Flaw("order of an unknown status", "orders", "status:status_unknown", {"status": "'on hold'"}),
        Flaw(
            "order of a person who is not taken", "orders", "user_id:not_taken", {"user_id": _flawed(office, "users")}
        ),
        Flaw("completed order without a payment", "orders", "books:not_paid_for", {"status": "'completed'"}),
        Flaw("payment of no order", "payments", "order_id:no_such_row", {"order_id": nobody}),
        Flaw(
            "payment of an order that is not taken",
            "payments",
            "order_id:not_taken",
            {"order_id": _flawed(office, "orders")},
        ),
        Flaw("payment of a negative amount", "payments", "amount:not_positive", {"amount": "'-25.00'"}),
        Flaw("payment of an amount that is no number", "payments", "amount:not_an_amount", {"amount": "'12,5O'"}),
        Flaw("payment of an unknown status", "payments", "status:status_unknown", {"status": "'chargeback?'"}),
        Flaw("rate of zero", "exchange_rates", "rate:not_positive", {"rate": "0"}),
        Flaw(
            "rate in an unknown currency",
            "exchange_rates",
            "to_currency:currency_unknown",
            {"to_currency": "'HRYVNIA'", "valid_from": office.at("exchange_rates")},
        ),
        Flaw("rate given twice for one moment", "exchange_rates", "period_empty", {**rate, **small}),
        Flaw("event of nobody", "analytics_events", "user_id:no_such_row", {"user_id": nobody}),
        Flaw("message of no conversation", "messages", "conversation_id:no_such_row", {"conversation_id": nobody}),
        Flaw("notification of nobody", "notifications", "user_id:no_such_row", {"user_id": nobody}),
    ]


def _flawed(office: Office, table: str) -> str:
    """The id of a row of ``table`` that has its first flaw."""
    return office.id_of(table, f"{office.sound[table]} + 1 + k % {office.flawed[table]}")


def office_of(rows: int, seed: int) -> Office:
    """An office with ``rows`` rows in all, flawed ones among them."""
    totals = {**{table: max(_LEAST, round(rows * share)) for table, share in SHARES.items()}, **FEW}
    flawed = {table: max(1, round(total * SHARE)) for table, total in totals.items()}
    kinds = Counter(flaw.table for flaw in flaws(Office(seed, totals, flawed)))
    return Office(seed, {table: total - kinds[table] * flawed[table] for table, total in totals.items()}, flawed)
