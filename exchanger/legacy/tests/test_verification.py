"""The verification finds whatever differs, names the table and the column, and finds nothing where nothing does."""

from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from exchanger.legacy.batches import all_targets, read_batches
from exchanger.legacy.mapping import read_mapping
from exchanger.legacy.run import Limit
from exchanger.legacy.source import Source
from exchanger.legacy.verification.differences import ADDED, CHANGED, MISSING
from exchanger.legacy.verification.report import report, verdict
from exchanger.legacy.verification.verify import verify

# Each is told by what bends it, in which new database, and what must be named for it.
BENDS = [
    ("identity", "UPDATE users SET email_verified = false", "users", CHANGED, "email_verified"),
    ("identity", "UPDATE users SET password_hash = 'bcrypt$x'", "users", CHANGED, "password_hash"),
    ("identity", "UPDATE user_profiles SET phone = '1'", "user_profiles", CHANGED, "phone"),
    ("identity", "UPDATE user_permissions SET application_context = 'web'", "user_permissions", ADDED, None),
    ("identity", "DELETE FROM user_permissions", "user_permissions", MISSING, None),
    ("web", "UPDATE orders SET created_at = created_at + interval '1 microsecond'", "orders", CHANGED, "created_at"),
    ("web", "UPDATE payments SET amount = amount + 0.00000001", "payments", CHANGED, "amount"),
    ("web", "UPDATE payments SET received_at = NULL", "payments", CHANGED, "received_at"),
    ("web", "UPDATE exchange_rates SET valid_until = now()", "exchange_rates", CHANGED, "valid_until"),
    ("web", "DELETE FROM analytics_events", "analytics_events", MISSING, None),
    ("web", "UPDATE analytics_events SET user_id = NULL", "analytics_events", CHANGED, "user_id"),
    ("admin", "UPDATE admin_settings SET value = '6'", "admin_settings", CHANGED, "value"),
    ("admin", "UPDATE system_metrics SET metric_value = NULL", "system_metrics", CHANGED, "metric_value"),
    ("bot", "DELETE FROM messages", "messages", MISSING, None),
    ("bot", "UPDATE conversations SET state = ''", "conversations", CHANGED, "state"),
    (
        "bot",
        "INSERT INTO user_commands (telegram_user_id, command) VALUES (100, '/start')",
        "user_commands",
        ADDED,
        None,
    ),
]


@pytest.fixture
def verified(as_context):
    """What the verification finds: ``verified(old)``."""

    def run(old, mapping="source", zone=None):
        with as_context(None), Source(old.url).opened() as source, all_targets() as targets:
            batches = read_batches(targets)
            return verify(source, targets, read_mapping(mapping, zone), batches, told=lambda table: None)

    return run


@pytest.fixture
def bent(world):
    """Bends a new database past every trigger, for as long as the block lasts."""

    class Bent:
        def __init__(self, alias, statement):
            self.server, self.statement = world.superuser(alias), statement
            self.table = next(word for word in statement.split() if word.islower())

        def __enter__(self):
            self.server.execute("SET session_replication_role = replica")
            self.server.execute(f"CREATE TABLE public.as_it_was AS TABLE {self.table}")
            assert self.server.execute(self.statement).rowcount

        def __exit__(self, *error):
            self.server.execute(f"DELETE FROM {self.table}")
            self.server.execute(f"INSERT INTO {self.table} SELECT * FROM public.as_it_was")
            self.server.execute("DROP TABLE public.as_it_was")
            self.server.execute("RESET session_replication_role")

    return Bent


def test_nothing_differs_after_an_import(old, take, verified):
    old.office()
    take(old, zone="Europe/Kyiv")

    findings = verified(old, zone="Europe/Kyiv")

    assert findings.differences == 0, report(findings)
    assert {table.table for table in findings.tables} == set(read_mapping("source").shapes)
    assert all(table.expected == table.found > 0 for table in findings.tables)
    assert verdict(findings).startswith("THE SAME: 18 rows of 16 tables")


def test_each_bend_is_found_and_named(old, take, verified, bent):
    old.office()
    take(old)

    for alias, statement, table, kind, column in BENDS:
        with bent(alias, statement):
            findings = verified(old)
        wrong = [found for found in findings.tables if not found.same]
        named = {(difference.kind, difference.column) for found in wrong for difference in found.differences}
        assert [found.table for found in wrong] == [table], statement
        assert (kind, column) in named, statement
        assert "NOT THE SAME" in verdict(findings)
        assert all(difference.keys for found in wrong for difference in found.differences)

    assert verified(old).differences == 0


def test_two_values_that_changed_places_are_found(old, take, verified, world):
    ids = [old.person(email=f"{name}@example.com") for name in ("a", "b")]
    old.set("users", ids[0], updated_at="2025-03-02 12:00:00")
    take(old, only=["users"])
    swap = "UPDATE users u SET updated_at = o.updated_at FROM users o WHERE o.id <> u.id"
    world.superuser("identity").execute(swap)

    (users,) = (table for table in verified(old).tables if not table.same)

    assert [column.name for column in users.columns if not column.same] == ["updated_at"]
    assert set(users.differences[0].keys) == set(map(str, ids))


def test_rejected_rows_are_counted_by_reason_and_expected_nowhere(old, take, verified):
    person = old.person(email="one@example.com")
    old.person(email="ONE@example.com", created_at="2025-03-02 12:00:00")
    old.add("orders", user_id=person, amount="-1", status="pending")
    unpaid = old.add("orders", user_id=person, status="completed")
    old.add("payments", order_id=unpaid, user_id=person, amount="1")
    old.paid_order(person)
    take(old, limit=Limit(percent=100))

    findings = verified(old)
    rejected = {table.table: dict(table.rejected) for table in findings.tables if table.rejected}

    assert findings.differences == 0, report(findings)
    assert rejected == {
        "users": {"email:duplicate": 1},
        "orders": {"amount:not_positive": 1, "books:not_paid_for": 1},
        "payments": {"books:order_not_taken": 1},
    }


def test_money_is_summed_by_currency_and_status_on_both_sides(old, take, verified):
    person = old.person()
    old.paid_order(person)
    old.paid_order(person, exchange_rate="41.123456")
    refunded = old.add("orders", user_id=person, status="refunded", amount="7")
    old.add("payments", order_id=refunded, user_id=person, amount="7", status="refunded")
    take(old)

    sums = {(one.what, one.status, one.currency): one for one in verified(old).money}

    assert all(one.same for one in sums.values())
    assert sums["orders", "completed", "USD"].new == 200
    assert sums["payments", "refunded", "USD"].new == 7
    assert sums["ledger", "received from clients", "USD"].new == 207
    assert sums["ledger", "returned to clients", "USD"].new == 7
    assert sums["ledger", "paid out to clients", "UAH"].new == Decimal("4050.00") + Decimal("4112.34")


def test_a_reference_that_leads_nowhere_is_listed(old, take, verified, bent):
    old.office()
    take(old)

    with bent("admin", "UPDATE audit_logs SET admin_id = gen_random_uuid()"):
        findings = verified(old)

    (orphan,) = (one for one in findings.references if one.missing)
    assert (orphan.column, orphan.target, orphan.rows) == ("admin.audit_logs.admin_id", "identity.users", 1)
    assert f"| {orphan.first[0]} |" in report(findings)
    assert "NOT THE SAME" in verdict(findings)


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("DELETE FROM transactions WHERE kind = 'payment_received'", "received from clients"),
        ("UPDATE transactions SET amount = amount * 2 WHERE kind = 'order_completed'", "paid out to clients"),
        ("DELETE FROM transactions WHERE account = 'house'", "orders whose entries do not sum to zero"),
    ],
)
def test_a_bent_ledger_is_found(old, take, verified, bent, statement, what):
    old.paid_order(old.person())
    take(old)

    with bent("web", statement):
        findings = verified(old)

    assert [one.status for one in findings.money if not one.same] == [what]
    assert "NOT THE SAME" in verdict(findings)


def test_a_stock_django_projects_database_is_verified_too(old_django, take, verified):
    for number, name in enumerate(("ann", "bob"), 1):
        old_django.connection.execute(
            "INSERT INTO auth_user (id, password, is_superuser, username, first_name, last_name, email, is_staff,"
            " is_active, date_joined) VALUES (%s, 'pbkdf2_sha256$1$x$y', true, %s, %s, '', %s, true, true, now())",
            (number, name, name, f"{name}@example.com"),
        )
    old_django.connection.execute("INSERT INTO exchange_order VALUES (5, 1, 'usd', 'uah', 10, 40, 'new', now(), now())")
    take(old_django, mapping="django")

    findings = verified(old_django, mapping="django")

    assert findings.differences == 0, report(findings)
    assert {table.table: table.found for table in findings.tables if table.found} == {
        "users": 2,
        "user_profiles": 2,
        "user_permissions": 2,
        "orders": 1,
    }


CUSTOM = """
zone = "Europe/Kyiv"
[currencies]
"USDT-TRC20" = "USDT"
[statuses.orders]
neu = "pending"
[[step]]
into = "users"
table = "members"
[step.columns]
id = { column = "id", cast = "uuid_of", of = "members" }
email = "mail"
password_hash = "pass"
email_verified = { constant = true }
created_at = { column = "joined", cast = "epoch_seconds" }
updated_at = { column = "changed", cast = "epoch_milliseconds" }
[[step]]
into = "orders"
table = "deals"
[step.columns]
id = { column = "id", cast = "uuid_of", of = "deals" }
user_id = { column = "member", cast = "uuid_of", of = "members" }
from_currency = "gives"
to_currency = { constant = "UAH" }
amount = { column = "cents", cast = "hundredths" }
exchange_rate = "rate"
status = "state"
created_at = "at"
[[step]]
into = "conversations"
table = "chats"
[step.columns]
id = { column = "id", cast = "uuid_of", of = "chats" }
telegram_user_id = "account"
context = "about"
updated_at = "at"
"""


def test_every_cast_alias_and_stand_in_is_worked_out_anew(old, take, verified, tmp_path):
    old.connection.execute(
        "CREATE TABLE members (id int PRIMARY KEY, mail text, pass text, joined int, changed bigint);"
        "CREATE TABLE deals (id int PRIMARY KEY, member int, gives text, cents int, rate text, state text, at text);"
        "CREATE TABLE chats (id int PRIMARY KEY, account text, about text, at date);"
        "INSERT INTO members VALUES (1, ' Ann@X.com ', '$2b$04$pKfT1sao0BIZCJZLt4oWaeiq58zWpHUpKMIOhSZ27iQiA0DEHOtPu',"
        " 1700000000, 1700000000123), (2, 'bob@x.com', '!', 0, NULL);"
        "INSERT INTO deals VALUES (1, 1, 'usdt-trc20', 12345, '41.5', 'NEU', '2025-07-01 12:00:00.5'),"
        " (2, 2, ' eur ', 5, ' 0.10 ', 'expired', '2025-07-01T12:00:00Z'),"
        " (3, 2, 'eur', 5, '1', 'pending', '2025-10-26 03:30'),"
        " (4, 1, 'eur', 5, '1', 'pending', '2025-07-01 12:00+09:30');"
        """INSERT INTO chats VALUES (1, '0077', '{"b": 1,  "a": [2]}', '2025-03-30'), (2, '78', NULL, '2025-03-31')"""
    )
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(CUSTOM)
    take(old, mapping=str(mapping))

    findings = verified(old, mapping=str(mapping))

    assert findings.differences == 0, report(findings)
    assert {table.table: table.found for table in findings.tables} == {"users": 2, "orders": 4, "conversations": 2}


def test_without_an_import_there_is_nothing_to_verify(old, as_context, tmp_path):
    path = tmp_path / "verification.md"

    with as_context(None), pytest.raises(CommandError, match="Nothing has been imported"):
        call_command("import_legacy", source=old.url, verify=True, report=path)

    assert not path.exists()


def test_the_command_writes_the_report_and_fails_where_something_differs(old, take, as_context, world, tmp_path):
    old.office()
    take(old, zone="Europe/Kyiv")  # which the import has written down, so that it need not be said again
    path = tmp_path / "verification.md"

    def command():
        out = StringIO()
        with as_context(None):
            call_command("import_legacy", source=old.url, verify=True, report=path, stdout=out)
        return out.getvalue()

    assert "THE SAME" in command()
    written = path.read_text()
    assert "exchanger_legacy" in written
    assert old.connection.info.password not in written
    world.superuser("bot").execute("UPDATE bot_state SET value = '0'")

    with pytest.raises(SystemExit) as refused:
        command()

    assert refused.value.code == 1
    assert "NOT THE SAME" in path.read_text()
    assert "bot_state | value differs" in path.read_text()
