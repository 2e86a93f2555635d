"""The live schema is the source document's SQL, and every difference is one that is written down here."""

from pathlib import Path

import pytest

from exchanger.kernel.contexts import ALIASES
from exchanger.testing.catalogue import Catalogue, Difference, compare, read_catalogue

SOURCE = Path(__file__).parent / "source"

# Rules: what holds for every table.
ZONED = ("column.type", "timestamp without time zone", "timestamp with time zone")
FILLED = ("column.not_null", "NULL", "NOT NULL")  # a column with a default is never NULL

# Tables that the diagram names without SQL, or that a library or Django itself brings.
EXTRA_TABLES = {
    "identity": {
        "user_profiles", "telegram_link_codes", "old_sessions", "django_content_type", "auth_group",
        "auth_group_permissions", "auth_permission",
    },
    "web": {
        "transactions", "held_rates", "quotes", "published_configuration", "event_deliveries", "idempotency_keys",
        "refunds", "provider_events", "used_tokens",
    },
    "admin": {"configurations", "audit_outcomes", "audit_chain", "operator_factors", "operator_recovery_codes"},
    "bot": {
        "event_inbox", "broadcasts", "published_configuration", "bot_updates", "bot_replies", "rate_alerts",
        "notification_preferences", "quiet_hours",
    },
}  # fmt: skip
JOB_TABLES = {
    "procrastinate_events", "procrastinate_jobs", "procrastinate_periodic_defers", "procrastinate_workers",
}  # fmt: skip
EXTRA_EVERYWHERE = {"cache_invalidations", "django_migrations"}

# Columns beyond the source's.
EXTRA_COLUMNS = {
    ("users", "password_changed_at"),
    ("users", "blocked_at"),
    ("sessions", "version"),
    ("sessions", "ip_address"),
    ("sessions", "user_agent"),
    ("orders", "expires_at"),
    ("payments", "reference"),
    ("payments", "instructions"),
    ("payments", "received_at"),
    ("payments", "updated_at"),
    ("exchange_rates", "source"),
    ("exchange_rates", "set_by"),
    ("exchange_rates", "confirmed_at"),
    ("reports", "status"),
    ("reports", "progress"),
    ("reports", "rows_written"),
    ("reports", "attempts"),
    ("reports", "problem"),
    ("reports", "finished_at"),
    ("reports", "fingerprint"),
    ("reports", "scheduled_for"),
    ("conversations", "blocked_at"),
    ("notifications", "attempts"),
    ("notifications", "next_attempt_at"),
    ("notifications", "claimed_until"),
    ("notifications", "put_off_until"),
    ("notifications", "failure"),
    ("notifications", "dead_at"),
    ("notifications", "broadcast_id"),
}

# A size in bytes has more digits than an amount of money.
WIDER = ("column.type", "numeric(18,8)", "numeric(28,8)")
WIDER_COLUMNS = {("system_metrics", "metric_value")}

# Constraints and indexes beyond the source's: nothing of the source's is missing or changed.
EXTRA_CONSTRAINTS = {
    ("users", "users_email_lower"),
    ("sessions", "sessions_context_known"),
    ("user_permissions", "user_permissions_context_known"),
    ("orders", "orders_amount_positive"),
    ("orders", "orders_exchange_rate_positive"),
    ("orders", "orders_currencies_differ"),
    ("orders", "orders_status_known"),
    ("payments", "payments_amount_positive"),
    ("payments", "payments_status_known"),
    ("payments", "payments_reference"),
    ("exchange_rates", "exchange_rates_rate_positive"),
    ("exchange_rates", "exchange_rates_currencies_differ"),
    ("exchange_rates", "exchange_rates_period_ordered"),
    ("exchange_rates", "exchange_rates_periods_apart"),
    ("reports", "reports_status_known"),
    ("reports", "reports_scheduled_for"),
    ("notifications", "fk_notification_broadcast"),
    ("notifications", "notifications_sent_at_a_time"),
    ("notifications", "notifications_sent_or_dead"),
}
EXTRA_INDEXES = {
    ("users", "idx_users_created"),
    ("users", "idx_users_blocked"),
    ("sessions", "idx_sessions_user"),
    ("orders", "idx_orders_user_created"),
    ("orders", "idx_orders_created"),
    ("orders", "idx_orders_status_created"),
    ("orders", "idx_orders_pair_created"),
    ("orders", "idx_orders_unpaid"),
    ("payments", "idx_payments_order"),
    ("payments", "idx_payments_user_created"),
    ("payments", "idx_payments_created"),
    ("payments", "idx_payments_pending"),
    ("exchange_rates", "idx_rates_valid_from"),
    ("analytics_events", "idx_analytics_created"),
    ("analytics_events", "idx_analytics_type_created"),
    ("audit_logs", "idx_audit_created"),
    ("audit_logs", "idx_audit_admin"),
    ("audit_logs", "idx_audit_resource"),
    ("reports", "idx_reports_generated"),
    ("system_metrics", "idx_metrics_name_recorded"),
    ("system_metrics", "idx_metrics_recorded"),
    ("conversations", "idx_conversations_updated"),
    ("conversations", "idx_conversations_user"),
    ("messages", "idx_messages_conversation"),
    ("messages", "idx_messages_sent"),
    ("notifications", "idx_notifications_created"),
    ("notifications", "idx_notifications_user"),
    ("notifications", "idx_notifications_due"),
    ("notifications", "idx_notifications_broadcast"),
    ("notifications", "idx_notifications_chat"),
    ("notifications", "idx_notifications_dead"),
    ("notifications", "idx_notifications_undelivered"),
    ("notifications", "idx_notifications_waiting"),
    ("notifications", "notifications_once_a_broadcast"),
    ("user_commands", "idx_user_commands_executed"),
    ("user_commands", "idx_user_commands_user"),
}


def is_documented(alias: str, found: Difference, defaulted: set[tuple[str, str]]) -> bool:
    place = (found.table, found.name)
    match found.kind:
        case "column.type":
            return (found.kind, found.source, found.live) == (WIDER if place in WIDER_COLUMNS else ZONED)
        case "column.not_null":
            return (found.kind, found.source, found.live) == FILLED and place in defaulted
        case "table.extra":
            extra = EXTRA_TABLES[alias] | EXTRA_EVERYWHERE | (JOB_TABLES if alias != "identity" else set())
            return found.name in extra
        case "column.extra":
            return place in EXTRA_COLUMNS
        case "constraint.extra":
            return place in EXTRA_CONSTRAINTS
        case "index.extra":
            return place in EXTRA_INDEXES
    return False


@pytest.fixture
def sources(scratch_database) -> dict[str, Catalogue]:
    """The source document's SQL of each database, as PostgreSQL understands it."""
    found = {}
    for alias in ALIASES:
        connection = scratch_database()
        connection.execute((SOURCE / f"{alias}.sql").read_bytes())
        found[alias] = read_catalogue(connection)
    return found


@pytest.fixture
def differences(sources, servers) -> dict[str, list[Difference]]:
    return {alias: compare(sources[alias], read_catalogue(servers.superuser(alias))) for alias in ALIASES}


@pytest.mark.parametrize("alias", ALIASES)
def test_the_live_catalogue_is_the_source_documents_save_for_what_is_documented(alias, sources, differences):
    defaulted = {place for place, column in sources[alias].columns.items() if column.default is not None}
    assert [found for found in differences[alias] if not is_documented(alias, found, defaulted)] == []


def test_every_documented_difference_exists(differences):
    """So that the lists above cannot outlive what they excuse."""

    def places(kind):
        found = [difference for each in differences.values() for difference in each if difference.kind == kind]
        return {(difference.table, difference.name) for difference in found}

    assert places("column.extra") == EXTRA_COLUMNS
    assert places("constraint.extra") == EXTRA_CONSTRAINTS
    assert places("index.extra") == EXTRA_INDEXES
    tables = set.union(*EXTRA_TABLES.values(), EXTRA_EVERYWHERE, JOB_TABLES)
    assert {name for _, name in places("table.extra")} == tables


def test_every_zoneless_timestamp_of_the_source_became_a_zoned_one_and_one_column_wider(sources, differences):
    zoneless = {
        place
        for source in sources.values()
        for place, column in source.columns.items()
        if column.type == "timestamp without time zone"
    }
    changed = {
        (found.table, found.name) for each in differences.values() for found in each if found.kind == "column.type"
    }
    assert changed == zoneless | WIDER_COLUMNS
    assert len(zoneless) > 20
