"""A small old platform: what its tables hold, row by row."""

import json
import uuid
from typing import Any

import psycopg
from psycopg import sql

WHEN = "2025-03-01 12:00:00"
BCRYPT = "$2b$04$pKfT1sao0BIZCJZLt4oWaeiq58zWpHUpKMIOhSZ27iQiA0DEHOtPu"  # of "x" ten times, as Node writes it
COLUMNS = {
    "users": {"password_hash": BCRYPT, "email_verified": True, "created_at": WHEN, "updated_at": WHEN},
    "user_permissions": {"permission": "*", "application_context": "admin", "granted_at": WHEN},
    "exchange_rates": {"from_currency": "USD", "to_currency": "UAH", "rate": "40.5", "valid_from": WHEN},
    "orders": {
        "from_currency": "usd",
        "to_currency": "UAH",
        "amount": "100",
        "exchange_rate": "40.5",
        "status": "completed",
        "created_at": WHEN,
        "updated_at": WHEN,
    },
    "payments": {"payment_method": "card", "amount": "100", "status": "paid", "created_at": WHEN},
    "analytics_events": {"event_type": "visit", "event_data": {"page": "/"}, "created_at": WHEN},
    "admin_settings": {"key": "brand", "value": {"name": "Old"}, "updated_at": WHEN},
    "audit_logs": {"action": "order.complete", "resource_type": "order", "created_at": WHEN},
    "reports": {"name": "March", "type": "turnover", "generated_at": WHEN},
    "system_metrics": {"metric_name": "cpu", "metric_value": "0.5", "recorded_at": WHEN},
    "conversations": {"telegram_user_id": 100, "state": "idle", "created_at": WHEN, "updated_at": WHEN},
    "messages": {"message_id": 7, "message_type": "text", "content": {"text": "hi"}, "sent_at": WHEN},
    "notifications": {"message": "Paid.", "notification_type": "order", "created_at": WHEN},
    "bot_state": {"key": "offset", "value": 5, "updated_at": WHEN},
    "user_commands": {"telegram_user_id": 100, "command": "/start", "executed_at": WHEN},
}


class OldPlatform:
    """Its database, through its superuser's connection."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection

    @property
    def url(self) -> str:
        info = self.connection.info
        return f"host={info.host} port={info.port} dbname={info.dbname} user={info.user} password={info.password}"

    def add(self, table: str, **values: Any) -> uuid.UUID:
        """A row that is in order, but for ``values``; returns its id."""
        given = {**COLUMNS.get(table, {}), **values}
        if table not in ("user_profiles",):
            given.setdefault("id", uuid.uuid4())
        self.connection.execute(
            sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                sql.Identifier(table),
                sql.SQL(", ").join(map(sql.Identifier, given)),
                sql.SQL(", ").join(sql.Placeholder() for _ in given),
            ),
            [
                json.dumps(value) if name in ("event_data", "value", "content", "parameters", "context") else value
                for name, value in given.items()
            ],
        )
        return given.get("id")

    def set(self, table: str, row_id: uuid.UUID, **values: Any) -> None:
        for name, value in values.items():
            statement = sql.SQL("UPDATE {} SET {} = %s WHERE id = %s").format(
                sql.Identifier(table), sql.Identifier(name)
            )
            self.connection.execute(statement, (value, row_id))

    def person(self, **values: Any) -> uuid.UUID:
        values.setdefault("email", f"{uuid.uuid4().hex[:8]}@example.com")
        return self.add("users", **values)

    def paid_order(self, user: uuid.UUID, **values: Any) -> uuid.UUID:
        order = self.add("orders", user_id=user, **values)
        self.add("payments", order_id=order, user_id=user)
        return order

    def office(self) -> dict[str, uuid.UUID]:
        """A row in every table, all of them in order."""
        user = self.person(email="Olena@Example.COM")
        self.add("user_profiles", user_id=user, display_name=" Olena ", language="ua", telegram_user_id=100)
        self.add("user_permissions", user_id=user, permission="orders.manage")
        self.add("exchange_rates")
        order = self.paid_order(user)
        self.add("analytics_events", user_id=user)
        self.add("admin_settings", updated_by=user)
        self.add("audit_logs", admin_id=user)
        self.add("reports", generated_by=user)
        self.add("system_metrics")
        conversation = self.add("conversations", user_id=user)
        self.add("messages", conversation_id=conversation)
        self.add("notifications", user_id=user)
        self.add("bot_state")
        self.add("user_commands")
        return {"user": user, "order": order, "conversation": conversation}
