"""Every column that names a row without a foreign key, declared once; a test holds the list against the models."""

from dataclasses import dataclass
from uuid import UUID

from admin_panel.services.actors import NOBODY


@dataclass(frozen=True, slots=True)
class Target:
    """The rows that are named, by their key ``id``."""

    alias: str
    table: str


@dataclass(frozen=True, slots=True)
class Reference:
    """A column that holds ids of ``target``, or NULL.

    ``stand_in`` is a value that names nobody. ``owner_only``: the admin login does not read the table.
    """

    alias: str
    table: str
    column: str
    target: Target
    stand_in: UUID | None = None
    owner_only: bool = False

    def __str__(self) -> str:
        return f"{self.alias}.{self.table}.{self.column}"


USERS = Target("identity", "users")
ORDERS = Target("web", "orders")

REFERENCES = (
    Reference("web", "orders", "user_id", USERS),
    Reference("web", "payments", "user_id", USERS),
    Reference("web", "transactions", "user_id", USERS),
    Reference("web", "quotes", "user_id", USERS),
    Reference("web", "analytics_events", "user_id", USERS),
    Reference("web", "exchange_rates", "set_by", USERS),
    Reference("web", "held_rates", "decided_by", USERS),
    Reference("web", "refunds", "requested_by", USERS),
    Reference("web", "refunds", "approved_by", USERS),
    Reference("web", "idempotency_keys", "user_id", USERS, owner_only=True),
    Reference("admin", "admin_settings", "updated_by", USERS),
    Reference("admin", "audit_logs", "admin_id", USERS, stand_in=NOBODY),
    Reference("admin", "reports", "generated_by", USERS, stand_in=NOBODY),
    Reference("admin", "configurations", "created_by", USERS),
    Reference("admin", "operator_factors", "user_id", USERS),
    Reference("admin", "operator_recovery_codes", "user_id", USERS),
    Reference("bot", "conversations", "user_id", USERS),
    Reference("bot", "notifications", "user_id", USERS),
    Reference("bot", "notification_preferences", "user_id", USERS),
    Reference("bot", "rate_alerts", "user_id", USERS),
    Reference("bot", "broadcasts", "created_by", USERS),
    Reference("bot", "event_inbox", "user_id", USERS),
    Reference("bot", "event_inbox", "order_id", ORDERS),
)

# Columns that look like references and are none.
NO_REFERENCES = {
    ("audit_logs", "resource_id"): "what was changed may be of any kind, and gone since",
    ("audit_chain", "row_id"): "verify_audit recomputes the chain",
    ("provider_events", "event_id"): "the card processor's",
    ("broadcasts", "cursor"): "how far it is: the last person, who need not be there",
    ("messages", "message_id"): "Telegram's",
    ("bot_updates", "update_id"): "Telegram's",
    ("bot_updates", "chat_id"): "Telegram's: a chat need not be linked to anybody",
    ("bot_replies", "chat_id"): "Telegram's: a chat need not be linked to anybody",
    ("conversations", "telegram_user_id"): "Telegram's: a chat need not be linked to anybody",
    ("notifications", "telegram_user_id"): "Telegram's: the account may be unlinked since",
    ("quiet_hours", "telegram_user_id"): "Telegram's: a chat need not be linked to anybody",
    ("user_commands", "telegram_user_id"): "Telegram's: a chat need not be linked to anybody",
    ("user_profiles", "telegram_user_id"): "Telegram's",
}
