"""Who may do what, said a second time: the grants' SQL and the Redis ACL are held against this table, not read by it.

What is not listed is expected to be refused, a table that nobody has declared included. A verb with columns in
parentheses is allowed on these columns alone.
"""

import re

from exchanger.kernel.contexts import ALIASES, BACKUP_ROLE, IDENTITY, SPECS, Context, database_name

WEB, ADMIN, TELEGRAM = Context.WEB, Context.ADMIN, Context.TELEGRAM
EVERYONE = frozenset(Context)

COLUMN_VERBS = ("select", "insert", "update")
TABLE_VERBS = ("delete", "truncate")
# Nobody but the owner has these; the catalogue is asked, since trying them takes a lock before the privilege is asked.
SILENT_VERBS = ("references", "trigger", "maintain")

# --- Databases: who may connect where; nobody to the server's own ------------------------------------------------

CONNECT = {
    "identity": {WEB, ADMIN, TELEGRAM},
    "web": {WEB, ADMIN},
    "admin": {ADMIN},
    "bot": {TELEGRAM, ADMIN},
}
FORBIDDEN_DATABASES = ("postgres", "template1")

# --- Tables ------------------------------------------------------------------------------------------------------

_ALL = "select insert update delete"
_NO_DELETE = "select insert update"
_PROFILE_CHANGED = "update(display_name phone language time_zone)"  # never the Telegram account
_USER_CHANGED = "update(password_hash email_verified password_changed_at updated_at)"  # never whether they are blocked
# Never the password's hash.
_USERS_SHOWN = "select(id email email_verified password_changed_at blocked_at created_at updated_at)"

TABLES: dict[str, dict[str, dict[Context, str]]] = {
    "identity": {
        "users": {WEB: f"select insert {_USER_CHANGED}", ADMIN: _NO_DELETE, TELEGRAM: _USERS_SHOWN},
        "user_profiles": {WEB: f"select insert {_PROFILE_CHANGED}", ADMIN: _NO_DELETE, TELEGRAM: "select"},
        "telegram_link_codes": {WEB: "select(user_id expires_at created_at) insert update delete"},
        "sessions": {WEB: _ALL, ADMIN: _ALL, TELEGRAM: _ALL},
        "old_sessions": {WEB: "select insert", ADMIN: "select insert", TELEGRAM: "select insert"},
        "user_permissions": {WEB: "select", ADMIN: _ALL, TELEGRAM: "select"},
        "cache_invalidations": {WEB: _ALL, ADMIN: _ALL, TELEGRAM: _ALL},
        "django_content_type": {ADMIN: "select"},
        "auth_permission": {ADMIN: "select"},
        "auth_group": {ADMIN: "select"},
        "auth_group_permissions": {ADMIN: "select"},
        "django_migrations": {WEB: "select", ADMIN: "select", TELEGRAM: "select"},
    },
    "web": {
        "orders": {WEB: _NO_DELETE, ADMIN: "select update(status updated_at)"},
        "payments": {WEB: _NO_DELETE, ADMIN: "select insert update(status amount received_at updated_at)"},
        "refunds": {
            WEB: _NO_DELETE,
            ADMIN: "select insert update(status requested_by approved_by reason reference updated_at)",
        },
        "transactions": {WEB: "select insert", ADMIN: "select insert"},
        "analytics_events": {WEB: "select insert", ADMIN: "select insert"},
        "exchange_rates": {WEB: _NO_DELETE, ADMIN: _NO_DELETE},
        "held_rates": {WEB: "select insert update(status)", ADMIN: "select update(status decided_at decided_by)"},
        "quotes": {WEB: "select insert delete update(order_id)", ADMIN: "select"},
        "published_configuration": {WEB: "select", ADMIN: _NO_DELETE},
        "event_deliveries": {WEB: "select insert update(delivered_at)", ADMIN: "select insert"},
        "idempotency_keys": {WEB: "select insert delete"},
        "provider_events": {WEB: "select insert delete"},
        "used_tokens": {WEB: "select insert delete"},
        "cache_invalidations": {WEB: _ALL, ADMIN: "select insert delete"},
        "django_migrations": {WEB: "select", ADMIN: "select"},
    },
    "admin": {
        "admin_settings": {ADMIN: _ALL},
        "audit_logs": {ADMIN: "select insert"},
        "audit_outcomes": {ADMIN: "select insert"},
        "audit_chain": {ADMIN: "select"},
        "reports": {ADMIN: _ALL},
        "system_metrics": {ADMIN: _ALL},
        "configurations": {ADMIN: _ALL},
        "operator_factors": {ADMIN: _ALL},
        "operator_recovery_codes": {ADMIN: _ALL},
        "cache_invalidations": {ADMIN: _ALL},
        "django_migrations": {ADMIN: "select"},
    },
    "bot": {
        "conversations": {TELEGRAM: _ALL, ADMIN: "select"},
        "messages": {TELEGRAM: _ALL, ADMIN: "select"},
        "notifications": {
            TELEGRAM: _ALL,
            ADMIN: "select insert update(next_attempt_at dead_at attempts failure)",
        },
        "broadcasts": {
            TELEGRAM: "select",
            ADMIN: "select insert update(status total queued cursor reason started_at finished_at)",
        },
        "bot_state": {TELEGRAM: _ALL, ADMIN: "select"},
        "user_commands": {TELEGRAM: _ALL, ADMIN: "select"},
        "published_configuration": {TELEGRAM: "select", ADMIN: _NO_DELETE},
        "bot_updates": {TELEGRAM: _ALL, ADMIN: "select"},
        "bot_replies": {TELEGRAM: _ALL, ADMIN: "select"},
        "notification_preferences": {TELEGRAM: _NO_DELETE, ADMIN: "select"},
        "quiet_hours": {TELEGRAM: _ALL},
        "rate_alerts": {TELEGRAM: "select insert delete", ADMIN: "select"},
        "event_inbox": {TELEGRAM: "select insert update(handled_at)", ADMIN: "select"},
        "cache_invalidations": {TELEGRAM: _ALL, ADMIN: "select insert delete"},
        "django_migrations": {TELEGRAM: "select", ADMIN: "select"},
    },
}

# The job queue: each context's own, in its own business database.
_JOB_TABLES = (
    "procrastinate_jobs",
    "procrastinate_events",
    "procrastinate_periodic_defers",
    "procrastinate_workers",
)
JOB_FUNCTIONS = "procrastinate_"
for _spec in SPECS.values():
    TABLES[_spec.alias] |= {table: {_spec.context: _ALL} for table in _JOB_TABLES}

# A dump reads every table and every sequence, past row-level security, and changes nothing.
BACKUP_VERBS = "select"

# Tables that only grow, each with its key: a trigger stops the owner too.
APPEND_ONLY = {
    "web": {"transactions": "id"},
    "admin": {"audit_logs": "id", "audit_outcomes": "id", "audit_chain": "seq"},
}

# --- Rows of shared tables: whose rows each context reaches, with the verbs that it has on the table ---------------

_OWN = {context: frozenset({context}) for context in Context}
ROWS: dict[str, dict[Context, frozenset[Context]]] = {
    "sessions": _OWN,
    "old_sessions": _OWN,
    "user_permissions": {**_OWN, ADMIN: EVERYONE},
    "cache_invalidations (session keys)": {**_OWN, ADMIN: EVERYONE},
    "cache_invalidations (user keys)": dict.fromkeys(Context, EVERYONE),
}

# --- Functions: who may call what in schema public -----------------------------------------------------------------

FUNCTIONS: dict[str, dict[str, set[Context]]] = {
    "identity": {
        "revoke_user_sessions(uuid)": {ADMIN},
        "revoke_context_sessions(uuid,character varying)": {ADMIN},
        "revoke_session(uuid,character varying)": {ADMIN},
        "list_user_sessions(uuid)": {ADMIN},
        "count_live_sessions()": {ADMIN},
        "count_old_sessions()": {ADMIN},
        "find_link_code(character varying)": {TELEGRAM},
        "redeem_link_code(character varying,bigint)": {TELEGRAM},
        "unlink_telegram_account(bigint)": {TELEGRAM},
        "unlink_telegram_of(uuid)": {WEB},
    },
    "web": {"count_jobs()": {ADMIN}},
    "admin": {"count_jobs()": {ADMIN}},
    "bot": {
        "count_jobs()": {ADMIN},
        "retry_given_up_update(bigint)": {ADMIN},
        "dismiss_given_up_update(bigint)": {ADMIN},
        "retry_given_up_reply(bigint)": {ADMIN},
        "dismiss_given_up_reply(bigint)": {ADMIN},
    },
}
# Numbers of the server itself, which only a superuser's functions can count: bootstrap makes them in each database.
for _functions in (FUNCTIONS[_alias] for _alias in ALIASES):
    _functions |= {"count_connections()": {ADMIN}, "list_replicas()": {ADMIN}}

# --- Redis: the commands of a context on its own keys, and who else may delete ----------------------------------------

KEY_COMMANDS = {
    "get", "mget", "set", "setex", "del", "unlink", "exists", "expire", "pexpire", "persist", "ttl", "pttl",
    "incr", "decr", "incrby", "eval", "evalsha", "watch", "exec",
}  # fmt: skip
DELETE_COMMANDS = ("del", "unlink")
FREE_COMMANDS = {"ping", "script load", "unwatch"}
SERVER_COMMANDS = {"info": {ADMIN}}  # tell of the whole server, and of no key
NOBODYS_COMMANDS = {"ping"}  # may be answered before any login, for probes

KEYS: dict[str, tuple[Context, set[Context]]] = {
    # prefix: whose keys they are, and who else may delete them
    "identity:session:web:": (WEB, {ADMIN}),
    "identity:session:admin:": (ADMIN, set()),
    "identity:session:telegram:": (TELEGRAM, {ADMIN}),
    "identity:user:web:": (WEB, {ADMIN, TELEGRAM}),
    "identity:user:admin:": (ADMIN, {WEB, TELEGRAM}),
    "identity:user:telegram:": (TELEGRAM, {WEB, ADMIN}),
    "cache:web:rates:": (WEB, {ADMIN}),
    "cache:web:orders:": (WEB, {ADMIN}),
    "cache:admin:metrics:": (ADMIN, set()),
    "cache:admin:reports:": (ADMIN, set()),
    "cache:telegram:conversations:": (TELEGRAM, {ADMIN}),
    "cache:telegram:commands:": (TELEGRAM, {ADMIN}),
    "cache:web:throttle:": (WEB, set()),
    "cache:admin:throttle:": (ADMIN, set()),
    "cache:telegram:throttle:": (TELEGRAM, set()),
    "cache:telegram:init_data:": (TELEGRAM, set()),
    "cache:telegram:pace:": (TELEGRAM, set()),
    # whatever else a context may cache one day
    "cache:web:undeclared:": (WEB, set()),
    "cache:admin:undeclared:": (ADMIN, set()),
    "cache:telegram:undeclared:": (TELEGRAM, set()),
}
NOBODYS_PREFIXES = ("undeclared:", "identity:undeclared:", "cache:undeclared:", "cache:webs:")

# --- Asking the table ------------------------------------------------------------------------------------------------

_VERB = re.compile(r"(\w+)(?:\(([^)]*)\))?")


def context_of(role: str) -> Context | None:
    """The context whose login a role is; None for the backup's."""
    return next((context for context, spec in SPECS.items() if spec.role == role), None)


def may_connect(role: str, database: str) -> bool:
    if role == BACKUP_ROLE:
        return database in {database_name(alias) for alias in ALIASES}
    return database in {database_name(alias) for alias, contexts in CONNECT.items() if context_of(role) in contexts}


def verbs(role: str, alias: str, table: str) -> dict[str, frozenset[str] | None]:
    """The verbs of a role on a table, each with the columns that it is limited to; None is all of them."""
    context = context_of(role)
    text = BACKUP_VERBS if context is None else TABLES[alias].get(table, {}).get(context, "")
    return {verb: frozenset(columns.split()) if columns else None for verb, columns in _VERB.findall(text)}


def may(role: str, alias: str, table: str, verb: str, column: str = "") -> bool:
    """Whether a role may use a verb on a table, or on one column of it."""
    granted = verbs(role, alias, table)
    if verb not in granted:
        return False
    columns = granted[verb]
    return columns is None or column in columns


def may_draw(role: str, alias: str) -> bool:
    """Whether a role may take the next value of the sequences of ``alias``: in its own business database alone."""
    context = context_of(role)
    return context is not None and SPECS[context].alias == alias


def may_call(role: str, alias: str, function: str) -> bool:
    """Whether a role may call ``function``, a signature such as ``count_live_sessions()``."""
    context = context_of(role)
    if context is None or alias not in SPECS[context].aliases:
        return False
    if function.startswith(JOB_FUNCTIONS) and alias != IDENTITY:
        return SPECS[context].alias == alias
    return context in FUNCTIONS.get(alias, {}).get(function, set())
