"""What each new table asks of a row of the old platform, in the order in which the tables depend on each other.

The mapping says where values come from; what may be in a column, which rows it refers to and what stands in for a value
that the old platform never had is the same for every mapping, and is said here.
"""

import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass

from exchanger.kernel.contexts import Context
from exchanger.legacy import kinds
from exchanger.legacy.kinds import Choice, CurrencyCode, Kind, Problem, Text, array, literal
from identity.permission_names import known_permissions
from web.models import OrderStatus, PaymentStatus

SEND_WITHIN = "24 hours"
"""A notification that the old platform had not sent for longer than this is called off."""

_CALLED_OFF = f"NOT coalesce(c.sent, false) AND c.created_at < b.started_at - interval '{SEND_WITHIN}'"
_SAME_CURRENCY = ("{from_currency} = {to_currency}", "same_currency")


@dataclass(frozen=True, slots=True)
class Column:
    """A new column. ``otherwise`` is SQL over the row ``c`` for a value that did not come, ``always`` one for all rows;
    ``b`` in them is the batch.

    ``required`` values have to come, or ``instead`` (another column's) does. A ``secret`` is told of no row.
    """

    name: str
    kind: Kind
    required: bool = True
    otherwise: str | None = None
    always: str | None = None
    instead: str | None = None
    secret: bool = False

    @property
    def final(self) -> str:
        """The value that is stored, over ``c``."""
        if self.always is not None:
            return self.always
        return f"c.{self.name}" if self.otherwise is None else f"coalesce(c.{self.name}, {self.otherwise})"


@dataclass(frozen=True, slots=True)
class Reference:
    """``column`` holds the id of a row of ``table``."""

    column: str
    table: str


@dataclass(frozen=True, slots=True)
class Shape:
    """A new table.

    ``unique`` are the sets of columns of which no two rows have the same. A second row of a set that ``merges`` says
    nothing new and is counted as there already. ``first_by`` names a unique column and a time: of several old rows
    with the same value the earliest is taken. ``follows`` is the rule by which old periods end where the next begins.
    ``checks`` are conditions over several columns' values, named in braces, each with the reason that it is.
    A ``whole`` table is taken in one piece, since its rows rule each other out. ``afterwards`` is SQL for the rows
    that a chunk has taken, whose ids are those of ``fresh``; ``guards`` are triggers that would refuse to follow the
    old platform's changes. ``invalidates`` are the cache's keys of a row, as SQL over the row ``t``.
    """

    alias: str
    table: str
    columns: tuple[Column, ...]
    references: tuple[Reference, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    key: str = "id"
    merges: bool = False
    first_by: tuple[str, str] | None = None
    checks: tuple[Problem, ...] = ()
    periods: bool = False
    whole: bool = False
    afterwards: str = ""
    guards: tuple[str, ...] = ()
    invalidates: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


@dataclass(frozen=True, slots=True)
class Conventions:
    """What a mapping says of the old platform as a whole: the zone of its zoneless times, and its words for ours."""

    zone: str
    currencies: Mapping[str, str]
    statuses: Mapping[str, Mapping[str, str]]


def shapes(conventions: Conventions) -> dict[str, Shape]:
    """Every table that can be filled, by its name; those that others refer to come first."""
    time = kinds.Time(conventions.zone)
    currency = CurrencyCode(conventions.currencies)
    key = Column("id", kinds.UUID_)
    user = Column("user_id", kinds.UUID_)
    linked_user = Column("user_id", kinds.UUID_, required=False)
    of_user = Reference("user_id", "users")
    created = Column("created_at", time)
    made = Column("created_at", time, otherwise="c.updated_at", instead="updated_at")
    updated = Column("updated_at", time, required=False, otherwise="c.created_at")
    touched = Column("updated_at", time)

    def statuses(table: str, choices: list[str]) -> Column:
        return Column("status", Choice(tuple(choices), conventions.statuses.get(table, {})))

    found = (
        Shape(
            "identity",
            "users",
            (
                key,
                Column("email", kinds.Email()),
                Column("password_hash", kinds.Password(), secret=True),
                Column("email_verified", kinds.BOOLEAN, required=False, otherwise="false"),
                made,
                updated,
                Column("password_changed_at", time, required=False, otherwise="coalesce(c.created_at, c.updated_at)"),
                Column("blocked_at", time, required=False),
            ),
            unique=(("email",),),
            first_by=("email", "created_at"),
            invalidates=_cached_user("t.id"),
        ),
        Shape(
            "identity",
            "user_profiles",
            (
                user,
                Column("display_name", Text(255, trimmed=True), required=False, otherwise="''"),
                Column("phone", Text(32, trimmed=True), required=False, otherwise="''"),
                Column("language", kinds.LANGUAGE, required=False, otherwise="'en'"),
                Column(
                    "time_zone",
                    kinds.Preferred(tuple(sorted(zoneinfo.available_timezones())), "UTC", "time_zone_unknown"),
                    required=False,
                    otherwise="'UTC'",
                ),
                Column("telegram_user_id", kinds.BIGINT, required=False),
            ),
            (of_user,),
            unique=(("telegram_user_id",),),
            key="user_id",
            invalidates=_cached_user("t.user_id"),
        ),
        Shape(
            "identity",
            "user_permissions",
            (
                key,
                user,
                Column("application_context", Choice(tuple(Context), code="context_unknown")),
                Column("permission", kinds.Permission()),
                Column("granted_at", time, required=False, otherwise="now()"),
            ),
            (of_user,),
            unique=(("user_id", "permission", "application_context"),),
            checks=_known_permissions(),
            merges=True,
            invalidates=_cached_user("t.user_id"),
        ),
        Shape(
            "web",
            "exchange_rates",
            (
                key,
                Column("from_currency", currency),
                Column("to_currency", currency),
                Column("rate", kinds.MONEY),
                Column("valid_from", time),
                Column("valid_until", time, required=False),
                Column("confirmed_at", time, required=False, otherwise="c.valid_from"),
            ),
            unique=(("from_currency", "to_currency", "valid_from"),),
            periods=True,
            whole=True,
            checks=(_SAME_CURRENCY, ("{valid_until} <= {valid_from}", "period_empty")),
            invalidates=("'cache:web:rates:' || lower(t.from_currency) || '_' || lower(t.to_currency)",),
        ),
        Shape(
            "web",
            "orders",
            (
                key,
                user,
                Column("from_currency", currency),
                Column("to_currency", currency),
                Column("amount", kinds.MONEY),
                Column("exchange_rate", kinds.MONEY),
                statuses("orders", OrderStatus.values),
                made,
                updated,
            ),
            (of_user,),
            checks=(_SAME_CURRENCY,),
            guards=("orders_moves", "orders_figures"),
            invalidates=("'cache:web:orders:' || t.id",),
        ),
        Shape(
            "web",
            "payments",
            (
                key,
                Column("order_id", kinds.UUID_),
                user,
                Column("payment_method", Text(100, trimmed=True)),
                Column("amount", kinds.MONEY),
                statuses("payments", PaymentStatus.values),
                Column("reference", Text(100), required=False),
                created,
                updated,
                Column(
                    "received_at",
                    time,
                    required=False,
                    otherwise="CASE WHEN c.status IN ('succeeded', 'refunded') THEN c.created_at END",
                ),
            ),
            (of_user, Reference("order_id", "orders")),
            unique=(("payment_method", "reference"),),
            guards=("payments_moves", "payments_figures"),
        ),
        Shape(
            "web",
            "analytics_events",
            (
                key,
                linked_user,
                Column("event_type", Text(100)),
                Column("event_data", kinds.JSON, required=False),
                created,
            ),
            (of_user,),
        ),
        Shape(
            "admin",
            "admin_settings",
            (
                key,
                Column("key", Text(255)),
                Column("value", kinds.JSON),
                Column("description", Text(), required=False),
                Column("updated_by", kinds.UUID_),
                touched,
            ),
            (Reference("updated_by", "users"),),
            unique=(("key",),),
        ),
        Shape(
            "admin",
            "audit_logs",
            (
                key,
                Column("admin_id", kinds.UUID_),
                Column("action", Text(255)),
                Column("resource_type", Text(100)),
                Column("resource_id", Text(255), required=False),
                Column("old_values", kinds.JSON, required=False),
                Column("new_values", kinds.JSON, required=False),
                Column("ip_address", kinds.INET, required=False),
                Column("user_agent", Text(), required=False),
                created,
            ),
            (Reference("admin_id", "users"),),
            # The old platform wrote what had been done, and kept no outcomes: without one an entry reads "unfinished".
            afterwards="""
                INSERT INTO audit_outcomes (audit_id, outcome, details, created_at)
                SELECT l.id, 'done', '{"note": "imported: the old platform kept no outcomes"}', l.created_at
                FROM fresh f JOIN audit_logs l ON l.id = f.id
            """,
        ),
        Shape(
            "admin",
            "reports",
            (
                key,
                Column("name", Text(255)),
                Column("type", Text(100)),
                Column("parameters", kinds.JSON, required=False),
                Column("generated_by", kinds.UUID_),
                Column("generated_at", time),
                Column("file_path", Text(500), required=False),
                # Its file stayed where the old platform kept it.
                Column("status", Choice(("expired",)), required=False, otherwise="'expired'"),
                Column("finished_at", time, required=False, otherwise="c.generated_at"),
            ),
            (Reference("generated_by", "users"),),
        ),
        Shape(
            "admin",
            "system_metrics",
            (
                key,
                Column("metric_name", Text(255)),
                Column("metric_value", kinds.Number(20), required=False),
                Column("tags", kinds.JSON, required=False),
                Column("recorded_at", time),
            ),
        ),
        Shape(
            "bot",
            "conversations",
            (
                key,
                Column("telegram_user_id", kinds.BIGINT),
                linked_user,
                Column("state", Text(100), required=False, otherwise="'idle'"),
                Column("context", kinds.JSON, required=False),
                made,
                updated,
            ),
            (of_user,),
            unique=(("telegram_user_id",),),
        ),
        Shape(
            "bot",
            "messages",
            (
                key,
                Column("conversation_id", kinds.UUID_),
                Column("message_id", kinds.BIGINT),
                Column("message_type", Text(50)),
                Column("content", kinds.JSON),
                Column("sent_at", time),
            ),
            (Reference("conversation_id", "conversations"),),
        ),
        Shape(
            "bot",
            "notifications",
            (
                key,
                user,
                Column("telegram_user_id", kinds.BIGINT, required=False),
                Column("message", Text()),
                Column("notification_type", Text(100)),
                Column("sent", kinds.BOOLEAN, required=False, otherwise="false"),
                Column(
                    "sent_at",
                    time,
                    required=False,
                    always="CASE WHEN c.sent THEN coalesce(c.sent_at, c.created_at) END",
                ),
                created,
                Column("next_attempt_at", time, required=False, otherwise="c.created_at"),
                Column(
                    "dead_at",
                    time,
                    required=False,
                    otherwise=f"CASE WHEN {_CALLED_OFF} THEN b.started_at END",
                ),
                Column(
                    "failure",
                    Text(),
                    required=False,
                    otherwise=f"CASE WHEN {_CALLED_OFF} THEN 'Called off: it is too old to be sent.' ELSE '' END",
                ),
            ),
            (of_user,),
        ),
        Shape(
            "bot",
            "bot_state",
            (key, Column("key", Text(255)), Column("value", kinds.JSON), touched),
            unique=(("key",),),
        ),
        Shape(
            "bot",
            "user_commands",
            (
                key,
                Column("telegram_user_id", kinds.BIGINT),
                Column("command", Text(255)),
                Column("parameters", kinds.JSON, required=False),
                Column("executed_at", time),
            ),
        ),
    )
    return {shape.table: shape for shape in found}


def _known_permissions() -> tuple[Problem, ...]:
    """A permission means something in the row's own context."""
    return tuple(
        (
            f"{{application_context}} = {literal(context)} AND {{permission}} <> ALL ({_known(context)})",
            "permission:permission_unknown",
        )
        for context in Context
    )


def _known(context: Context) -> str:
    return array(sorted(known_permissions(context)))


def _cached_user(key: str) -> tuple[str, ...]:
    return tuple(f"'identity:user:{context}:' || {key}" for context in Context)
