"""An exchange office that has worked for years on one database: how much it has of everything, and what a row says.

Rows are made by PostgreSQL from their numbers, so the same size and seed give the same rows. A table's sound rows have
the numbers from 1; those with a known flaw (``flaws.py``) follow, and no sound row refers to them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SHARES = {
    "users": 0.03,
    "user_profiles": 0.02,
    "user_permissions": 0.01,
    "orders": 0.20,
    "payments": 0.22,
    "exchange_rates": 0.005,
    "analytics_events": 0.20,
    "audit_logs": 0.01,
    "reports": 0.0005,
    "system_metrics": 0.015,
    "conversations": 0.015,
    "messages": 0.25,
    "notifications": 0.015,
    "user_commands": 0.01,
}
"""Of all rows; ``admin_settings`` and ``bot_state`` have a handful besides."""

FEW = {"admin_settings": 3, "bot_state": 5}
TABLES = (*SHARES, *FEW)
YEARS = 4.5
FIRST_DAY = "timestamp '2021-03-01 09:00:00'"
PAIRS = (
    ("USD", "UAH", "41.25"),
    ("EUR", "UAH", "44.80"),
    ("USD", "EUR", "0.92"),
    ("PLN", "UAH", "10.35"),
    ("USDT", "UAH", "41.10"),
    ("BTC", "USD", "64000"),
)
NEVER_CLOSED = 3  # of the pairs: the old platform gave their rates no end, so that each overlaps all that follow
_COMPLETED = 11
ORDERS = (
    *["completed"] * _COMPLETED,
    "cancelled",
    "expired",
    "failed",
    "paid",
    "pending",
    "processing",
    "refunded",
    *["completed"] * 2,
)
PAYMENTS = (
    *["succeeded"] * _COMPLETED,
    "cancelled",
    "failed",
    "succeeded",
    "succeeded",
    "pending",
    "succeeded",
    "refunded",
    *["succeeded"] * 2,
)
"""Of an order's first payment, in the order of ORDERS; a second one failed."""

HASH = "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"  # as Node's bcrypt writes it

Columns = Mapping[str, str]
"""Column → the SQL of its value in the row of number ``n``."""


@dataclass(frozen=True, slots=True)
class Office:
    """``sound`` is how many rows of each table have no flaw, ``flawed`` how many have each of the table's flaws."""

    seed: int
    sound: Mapping[str, int]
    flawed: Mapping[str, int]

    def id_of(self, table: str, number: str) -> str:
        return f"md5('{self.seed} {table} ' || ({number}))::uuid"

    def any_of(self, table: str, number: str) -> str:
        """The id of a sound row, another one for each number."""
        return self.id_of(table, f"1 + ({number}) % {self.sound[table]}")

    def at(self, table: str, number: str = "n") -> str:
        """When: evenly over the years."""
        seconds = YEARS * 365 * 86_400 / self.sound[table]
        return f"{FIRST_DAY} + ({number}) * interval '{seconds:.6f} seconds'"

    def columns(self, table: str) -> Columns:
        made: Columns = getattr(self, f"_{table}")()
        return made

    def _users(self) -> Columns:
        return {
            "id": self.id_of("users", "n"),
            # Each tenth has kept the capitals that it was typed with.
            "email": "CASE WHEN n % 10 = 0 THEN 'Person' ELSE 'person' END || n || '@example.com'",
            "password_hash": f"'{HASH}'",
            "email_verified": "n % 4 > 0",
            "created_at": self.at("users"),
            "updated_at": self.at("users"),
        }

    def _user_profiles(self) -> Columns:
        return {
            "user_id": self.id_of("users", "n"),
            "display_name": "'Person ' || n",
            "phone": "'+38050' || lpad(n::text, 7, '0')",
            "language": choose(("en", "uk", "ru"), "n"),
            "time_zone": "'Europe/Kyiv'",
            "telegram_user_id": "500000000 + n",
        }

    def _user_permissions(self) -> Columns:
        return {
            "id": self.id_of("user_permissions", "n"),
            "user_id": self.id_of("users", "n"),
            "permission": choose(("orders.view", "rates.manage", "users.view"), "n"),
            "application_context": "'admin'",
            "granted_at": self.at("user_permissions"),
        }

    def _orders(self) -> Columns:
        return {
            "id": self.id_of("orders", "n"),
            "user_id": self.user_of_order("n"),
            "from_currency": choose([source for source, _, _ in PAIRS], "n"),
            "to_currency": choose([target for _, target, _ in PAIRS], "n"),
            "amount": amount("n"),
            "exchange_rate": choose([rate for _, _, rate in PAIRS], "n") + "::numeric",
            "status": choose(ORDERS, "n"),
            "created_at": self.at("orders"),
            "updated_at": self.at("orders") + " + interval '40 minutes'",
        }

    def _payments(self) -> Columns:
        orders = self.sound["orders"]
        order = f"1 + (n - 1) % {orders}"
        return {
            "id": self.id_of("payments", "n"),
            "order_id": self.id_of("orders", order),
            "user_id": self.user_of_order(order),
            "payment_method": choose(("card", "bank_transfer"), "n"),
            "amount": f"({amount(order)})::text",
            "status": f"CASE WHEN n > {orders} THEN 'failed' ELSE {choose(PAYMENTS, order)} END",
            "created_at": self.at("orders", order) + " + interval '5 minutes'",
        }

    def _exchange_rates(self) -> Columns:
        return {"id": self.id_of("exchange_rates", "n"), **self.rate("n")}

    def rate(self, number: str) -> Columns:
        """What a rate says, but for its id."""
        pairs = len(PAIRS)
        start = f"{number} - {number} % {pairs}"
        return {
            "from_currency": choose([source for source, _, _ in PAIRS], number),
            "to_currency": choose([target for _, target, _ in PAIRS], number),
            "rate": f"round({choose([rate for _, _, rate in PAIRS], number)}::numeric"
            f" * (1 + ({number} % 100)::numeric / 10000), 6)",
            "valid_from": self.at("exchange_rates", start),
            "valid_until": f"CASE WHEN {number} % {pairs} >= {NEVER_CLOSED}"
            f" THEN {self.at('exchange_rates', f'{start} + {pairs}')} END",
        }

    def _analytics_events(self) -> Columns:
        return {
            "id": self.id_of("analytics_events", "n"),
            "user_id": f"CASE WHEN n % 3 > 0 THEN {self.any_of('users', 'n * 31')} END",
            "event_type": choose(("page.viewed", "rate.viewed", "order.started"), "n"),
            "event_data": "jsonb_build_object('page', '/rates/' || n % 50, 'ms', n % 900)",
            "created_at": self.at("analytics_events"),
        }

    def _audit_logs(self) -> Columns:
        return {
            "id": self.id_of("audit_logs", "n"),
            "admin_id": self.any_of("users", "n % 12"),
            "action": choose(("order.complete", "rate.update", "user.block"), "n"),
            "resource_type": "'order'",
            "resource_id": self.any_of("orders", "n * 17") + "::text",
            "old_values": """'{"status": "paid"}'::jsonb""",
            "new_values": """'{"status": "completed"}'::jsonb""",
            "ip_address": "'192.0.2.1'::inet + (n % 200)",
            "user_agent": "'Mozilla/5.0'",
            "created_at": self.at("audit_logs"),
        }

    def _reports(self) -> Columns:
        return {
            "id": self.id_of("reports", "n"),
            "name": "'Orders, week ' || n",
            "type": "'orders'",
            "parameters": """'{"period": "week"}'::jsonb""",
            "generated_by": self.any_of("users", "n % 12"),
            "generated_at": self.at("reports"),
            "file_path": "'/reports/' || n || '.csv'",
        }

    def _system_metrics(self) -> Columns:
        return {
            "id": self.id_of("system_metrics", "n"),
            "metric_name": choose(("orders.waiting", "response.ms"), "n"),
            "metric_value": "(n % 5000)::numeric / 8",
            "tags": """'{"host": "old"}'::jsonb""",
            "recorded_at": self.at("system_metrics"),
        }

    def _conversations(self) -> Columns:
        return {
            "id": self.id_of("conversations", "n"),
            "telegram_user_id": "500000000 + n",
            "user_id": f"CASE WHEN n % 2 = 0 THEN {self.any_of('users', 'n')} END",
            "state": "'idle'",
            "context": "'{}'::jsonb",
            "created_at": self.at("conversations"),
            "updated_at": self.at("conversations") + " + interval '3 days'",
        }

    def _messages(self) -> Columns:
        return {
            "id": self.id_of("messages", "n"),
            "conversation_id": self.any_of("conversations", "n * 13"),
            "message_id": "n",
            "message_type": "'text'",
            "content": "jsonb_build_object('direction', CASE WHEN n % 2 = 0 THEN 'in' ELSE 'out' END,"
            " 'text', 'Please exchange ' || n % 1000)",
            "sent_at": self.at("messages"),
        }

    def _notifications(self) -> Columns:
        return {
            "id": self.id_of("notifications", "n"),
            "user_id": self.any_of("users", "n * 7"),
            "telegram_user_id": "500000000 + n",
            "message": "'Order ' || n || ' is completed.'",
            "notification_type": "'order'",
            "sent": "n % 20 > 0",
            "sent_at": f"CASE WHEN n % 20 > 0 THEN {self.at('notifications')} + interval '2 seconds' END",
            "created_at": self.at("notifications"),
        }

    def _user_commands(self) -> Columns:
        return {
            "id": self.id_of("user_commands", "n"),
            "telegram_user_id": "500000000 + n",
            "command": choose(("/start", "/rates", "/orders"), "n"),
            "parameters": "'{}'::jsonb",
            "executed_at": self.at("user_commands"),
        }

    def _admin_settings(self) -> Columns:
        return {
            "id": self.id_of("admin_settings", "n"),
            "key": "'old.setting.' || n",
            "value": "to_jsonb(n)",
            "description": "'What nobody remembers'",
            "updated_by": self.any_of("users", "n"),
            "updated_at": self.at("admin_settings"),
        }

    def _bot_state(self) -> Columns:
        return {
            "id": self.id_of("bot_state", "n"),
            "key": "'old.state.' || n",
            "value": "to_jsonb(n)",
            "updated_at": self.at("bot_state"),
        }

    def user_of_order(self, number: str) -> str:
        return self.any_of("users", f"({number}) * 7919")


def choose(values: Sequence[str], number: str) -> str:
    """One of some texts by a number."""
    listed = ", ".join(f"'{value}'" for value in values)
    return f"(ARRAY[{listed}])[1 + ({number}) % {len(values)}]"


def amount(order: str) -> str:
    """What an order exchanges: 25.00 to 22,525.00."""
    return f"round((100 + (({order}) * 37) % 90000)::numeric / 4, 2)"
