"""The catalogue comparison can fail: each kind of change to a source's schema shows, and nothing else does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row

from exchanger.testing.catalogue import Catalogue, Difference, compare, read_catalogue

SOURCE = Path(__file__).parent / "source"
DATABASES = ("identity", "web", "admin", "bot")

Connection = psycopg.Connection[Any]
Scratch = Callable[[], Connection]


def load(scratch_database: Scratch, database: str) -> Connection:
    connection = scratch_database()
    connection.execute((SOURCE / f"{database}.sql").read_bytes())
    return connection


def differences_after(connection: Connection, change: str) -> list[Difference]:
    source = read_catalogue(connection)
    connection.execute(change.encode())
    return compare(source, read_catalogue(connection))


@pytest.mark.parametrize("database", DATABASES)
def test_one_source_loaded_twice_shows_no_difference(scratch_database: Scratch, database: str) -> None:
    source = read_catalogue(load(scratch_database, database))
    live = read_catalogue(load(scratch_database, database))
    assert source.tables
    assert compare(source, live) == []


def test_every_table_of_an_empty_database_is_missing(scratch_database: Scratch) -> None:
    source, empty = read_catalogue(load(scratch_database, "identity")), read_catalogue(scratch_database())
    assert empty == Catalogue(frozenset(), {}, {}, {})
    assert compare(source, empty) == [
        Difference("table.missing", table, table, table, None) for table in ("sessions", "user_permissions", "users")
    ]


COLUMN_CHANGES = {
    "default dropped": (
        "web",
        "ALTER TABLE orders ALTER status DROP DEFAULT",
        Difference("column.default", "orders", "status", "'pending'::character varying", None),
    ),
    "default added": (
        "web",
        "ALTER TABLE payments ALTER payment_method SET DEFAULT 'card'",
        Difference("column.default", "payments", "payment_method", None, "'card'::character varying"),
    ),
    "default spelt otherwise": (
        "bot",
        "ALTER TABLE messages ALTER sent_at SET DEFAULT CURRENT_TIMESTAMP",
        Difference("column.default", "messages", "sent_at", "now()", "CURRENT_TIMESTAMP"),
    ),
    "identity instead of a default": (
        "bot",
        "ALTER TABLE messages ALTER message_id ADD GENERATED ALWAYS AS IDENTITY",
        Difference("column.default", "messages", "message_id", None, "identity a"),
    ),
    "generated instead of a default": (
        "bot",
        "ALTER TABLE notifications DROP sent, ADD sent boolean GENERATED ALWAYS AS (false) STORED",
        Difference("column.default", "notifications", "sent", "false", "generated false"),
    ),
    "varchar widened": (
        "identity",
        "ALTER TABLE user_permissions ALTER permission TYPE varchar(150)",
        Difference("column.type", "user_permissions", "permission", "character varying(100)", "character varying(150)"),
    ),
    "scale changed": (
        "web",
        "ALTER TABLE exchange_rates ALTER rate TYPE numeric(18, 6)",
        Difference("column.type", "exchange_rates", "rate", "numeric(18,8)", "numeric(18,6)"),
    ),
    "time zone added": (
        "identity",
        "ALTER TABLE sessions ALTER created_at TYPE timestamptz",
        Difference("column.type", "sessions", "created_at", "timestamp without time zone", "timestamp with time zone"),
    ),
    "not null dropped": (
        "admin",
        "ALTER TABLE audit_logs ALTER admin_id DROP NOT NULL",
        Difference("column.not_null", "audit_logs", "admin_id", "NOT NULL", "NULL"),
    ),
    "not null added": (
        "admin",
        "ALTER TABLE reports ALTER file_path SET NOT NULL",
        Difference("column.not_null", "reports", "file_path", "NULL", "NOT NULL"),
    ),
    "column added": (
        "admin",
        "ALTER TABLE reports ADD progress integer NOT NULL DEFAULT 0",
        Difference("column.extra", "reports", "progress", None, "integer NOT NULL DEFAULT 0"),
    ),
    "column dropped": (
        "bot",
        "ALTER TABLE conversations DROP context",
        Difference("column.missing", "conversations", "context", "jsonb NULL", None),
    ),
}

CONSTRAINT_CHANGES = {
    "cascade dropped": (
        "web",
        (
            "ALTER TABLE payments DROP CONSTRAINT fk_order,"
            " ADD CONSTRAINT fk_order FOREIGN KEY (order_id) REFERENCES orders(id)"
        ),
        Difference(
            "constraint.definition",
            "payments",
            "fk_order",
            "FOREIGN KEY (order_id) REFERENCES orders(id) ON DELETE CASCADE",
            "FOREIGN KEY (order_id) REFERENCES orders(id)",
        ),
    ),
    "foreign key deferred": (
        "identity",
        "ALTER TABLE sessions ALTER CONSTRAINT fk_user DEFERRABLE INITIALLY DEFERRED",
        Difference(
            "constraint.definition",
            "sessions",
            "fk_user",
            "FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE",
            "FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED",
        ),
    ),
    "unique dropped": (
        "identity",
        "ALTER TABLE users DROP CONSTRAINT users_email_key",
        Difference("constraint.missing", "users", "users_email_key", "UNIQUE (email)", None),
    ),
    "primary key dropped": (
        "admin",
        "ALTER TABLE reports DROP CONSTRAINT reports_pkey, ALTER id SET NOT NULL",
        Difference("constraint.missing", "reports", "reports_pkey", "PRIMARY KEY (id)", None),
    ),
    "check added": (
        "web",
        "ALTER TABLE orders ADD CONSTRAINT orders_amount_positive CHECK (amount > 0)",
        Difference("constraint.extra", "orders", "orders_amount_positive", None, "CHECK ((amount > (0)::numeric))"),
    ),
    "exclusion added, its index not counted": (
        "web",
        (
            "ALTER TABLE exchange_rates ADD CONSTRAINT rates_apart"
            " EXCLUDE USING gist (tsrange(valid_from, valid_until) WITH &&)"
        ),
        Difference(
            "constraint.extra",
            "exchange_rates",
            "rates_apart",
            None,
            "EXCLUDE USING gist (tsrange(valid_from, valid_until) WITH &&)",
        ),
    ),
}

INDEX_CHANGES = {
    "index dropped": (
        "identity",
        "DROP INDEX idx_sessions_expires",
        Difference(
            "index.missing",
            "sessions",
            "idx_sessions_expires",
            "CREATE INDEX idx_sessions_expires ON public.sessions USING btree (expires_at)",
            None,
        ),
    ),
    "index on another order": (
        "identity",
        "DROP INDEX idx_sessions_expires; CREATE INDEX idx_sessions_expires ON sessions(expires_at DESC)",
        Difference(
            "index.definition",
            "sessions",
            "idx_sessions_expires",
            "CREATE INDEX idx_sessions_expires ON public.sessions USING btree (expires_at)",
            "CREATE INDEX idx_sessions_expires ON public.sessions USING btree (expires_at DESC)",
        ),
    ),
    "unique index is no constraint": (
        "bot",
        "CREATE UNIQUE INDEX messages_once ON messages(conversation_id, message_id)",
        Difference(
            "index.extra",
            "messages",
            "messages_once",
            None,
            "CREATE UNIQUE INDEX messages_once ON public.messages USING btree (conversation_id, message_id)",
        ),
    ),
}

TABLE_CHANGES = {
    "table dropped with all it has": (
        "identity",
        "DROP TABLE sessions",
        Difference("table.missing", "sessions", "sessions", "sessions", None),
    ),
    "table added with all it has": (
        "bot",
        (
            "CREATE TABLE inbox (id bigint PRIMARY KEY, chat bigint NOT NULL CHECK (chat <> 0));"
            " CREATE INDEX idx_inbox_chat ON inbox(chat)"
        ),
        Difference("table.extra", "inbox", "inbox", None, "inbox"),
    ),
}

CHANGES = COLUMN_CHANGES | CONSTRAINT_CHANGES | INDEX_CHANGES | TABLE_CHANGES


@pytest.mark.parametrize(("database", "change", "expected"), CHANGES.values(), ids=CHANGES.keys())
def test_a_change_shows_as_exactly_its_difference(
    scratch_database: Scratch, database: str, change: str, expected: Difference
) -> None:
    assert differences_after(load(scratch_database, database), change) == [expected]


def test_a_renamed_index_is_one_missing_and_one_extra(scratch_database: Scratch) -> None:
    connection = load(scratch_database, "identity")
    definition = "CREATE INDEX {} ON public.sessions USING btree (expires_at)"
    assert differences_after(connection, "ALTER INDEX idx_sessions_expires RENAME TO sessions_expires_idx") == [
        Difference("index.extra", "sessions", "sessions_expires_idx", None, definition.format("sessions_expires_idx")),
        Difference(
            "index.missing", "sessions", "idx_sessions_expires", definition.format("idx_sessions_expires"), None
        ),
    ]


def test_a_renamed_unique_is_one_missing_and_one_extra(scratch_database: Scratch) -> None:
    change = "ALTER TABLE bot_state RENAME CONSTRAINT bot_state_key_key TO bot_state_key_uniq"
    assert differences_after(load(scratch_database, "bot"), change) == [
        Difference("constraint.extra", "bot_state", "bot_state_key_uniq", None, "UNIQUE (key)"),
        Difference("constraint.missing", "bot_state", "bot_state_key_key", "UNIQUE (key)", None),
    ]


def test_several_changes_all_show_and_are_sorted(scratch_database: Scratch) -> None:
    change = (
        "ALTER TABLE users ALTER email TYPE text, ALTER email DROP NOT NULL;"
        " DROP TABLE user_permissions; CREATE TABLE aliens (id uuid)"
    )
    found = differences_after(load(scratch_database, "identity"), change)
    assert [(difference.kind, difference.table, difference.name) for difference in found] == [
        ("column.not_null", "users", "email"),
        ("column.type", "users", "email"),
        ("table.extra", "aliens", "aliens"),
        ("table.missing", "user_permissions", "user_permissions"),
    ]


def test_an_index_that_only_a_foreign_key_leans_on_is_still_read(scratch_database: Scratch) -> None:
    connection = load(scratch_database, "bot")
    connection.execute("CREATE UNIQUE INDEX commands_once ON user_commands(telegram_user_id)")
    connection.execute(
        "ALTER TABLE notifications ADD CONSTRAINT fk_command"
        " FOREIGN KEY (telegram_user_id) REFERENCES user_commands(telegram_user_id)"
    )
    assert ("user_commands", "commands_once") in read_catalogue(connection).indexes


def test_a_not_null_is_a_column_fact_and_no_constraint(scratch_database: Scratch) -> None:
    catalogue = read_catalogue(load(scratch_database, "identity"))
    assert catalogue.columns["users", "email"].not_null == "NOT NULL"
    assert {name for table, name in catalogue.constraints if table == "users"} == {"users_pkey", "users_email_key"}


def test_other_schemas_and_temporary_tables_are_not_read(scratch_database: Scratch) -> None:
    change = "CREATE SCHEMA aside CREATE TABLE orders (id uuid PRIMARY KEY); CREATE TEMPORARY TABLE orders (id integer)"
    assert differences_after(load(scratch_database, "web"), change) == []


def test_what_is_read_depends_neither_on_the_search_path_nor_on_the_row_factory(scratch_database: Scratch) -> None:
    connection = load(scratch_database, "web")
    source = read_catalogue(connection)
    connection.execute("SET search_path = pg_catalog")
    connection.row_factory = dict_row
    assert compare(source, read_catalogue(connection)) == []


@pytest.mark.parametrize("autocommit", [True, False])
def test_reading_leaves_the_connection_as_it_was(scratch_database: Scratch, *, autocommit: bool) -> None:
    connection = load(scratch_database, "web")
    connection.commit()
    connection.autocommit = autocommit
    read_catalogue(connection)
    assert connection.info.transaction_status == TransactionStatus.IDLE

    with connection.transaction():
        connection.execute("SET LOCAL search_path = pg_catalog, public")
        read_catalogue(connection)
        assert connection.execute("SHOW search_path").fetchone() == ("pg_catalog, public",)
