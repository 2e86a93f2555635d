"""What cannot be taken is told with its reason, and what refers to it with it; nothing else is lost."""

import csv
import stat
import uuid

import pytest

from exchanger.legacy.batches import Totals
from exchanger.legacy.kinds import literal
from exchanger.legacy.rejects import REASONS, meaning_of
from exchanger.legacy.run import Limit, TooManyRejects
from identity.models import User
from web.models import Order

ALL = Limit(percent=100)


def rejects(world, alias="web"):
    """What the books say: the reasons by the old key or id."""
    rows = world.superuser(alias).execute("SELECT coalesce(old_key, id::text), reason FROM legacy.rejects").fetchall()
    return {uuid.UUID(key): reason for key, reason in rows}


@pytest.fixture
def loose(old):
    """The old database, whose columns hold whatever they are given."""
    for table, column in (
        ("orders", "amount"), ("orders", "exchange_rate"), ("orders", "created_at"), ("orders", "updated_at"),
        ("orders", "user_id"), ("analytics_events", "event_data"),
    ):  # fmt: skip
        old.connection.execute(f"ALTER TABLE {table} ALTER {column} DROP NOT NULL, ALTER {column} TYPE text")
    old.connection.execute("ALTER TABLE orders ALTER from_currency TYPE text, ALTER to_currency TYPE text")
    return old


FLAWS = {
    "amount:missing": {"amount": None},
    "amount:not_an_amount": {"amount": "a hundred"},
    "amount:not_positive": {"amount": "-100"},
    "amount:too_large": {"amount": "10000000000"},
    "amount:too_many_decimals": {"amount": "0.123456789"},
    "exchange_rate:not_positive": {"exchange_rate": "0"},
    "exchange_rate:too_large": {"exchange_rate": "NaN"},
    "from_currency:currency_unknown": {"from_currency": "XBT"},
    "to_currency:missing": {"to_currency": None},
    "same_currency": {"to_currency": "USD"},
    "status:status_unknown": {"status": "lost"},
    "created_at:not_a_time": {"created_at": "yesterday evening"},
    "created_at:time_out_of_range": {"created_at": "infinity"},
    "created_at:missing": {"created_at": None, "updated_at": None},
    "user_id:not_a_uuid": {"user_id": "42"},
    "user_id:no_such_row": {"user_id": str(uuid.UUID(int=42))},
}


def test_each_flaw_of_an_order_is_found(loose, take, world):
    user = loose.person()
    loose.connection.execute("ALTER TABLE orders ALTER to_currency DROP NOT NULL")
    flawed = {
        loose.add("orders", **{"user_id": str(user), "status": "pending", **flaw}): reason
        for reason, flaw in FLAWS.items()
    }
    good = loose.add("orders", user_id=str(user), status="pending")

    outcome = take(loose, only=["users", "orders"], limit=ALL)

    assert rejects(world) == flawed
    assert outcome.totals["orders"] == Totals(len(FLAWS) + 1, 1, rejected=len(FLAWS))
    assert [order.pk for order in Order.objects.using("web")] == [good]


def test_what_belongs_to_a_rejected_person_is_rejected_too(old, take, world, as_context):
    first = old.person(email="olena@example.com", created_at="2025-01-02")
    second = old.person(email=" Olena@Example.com", created_at="2025-01-01")
    order = old.paid_order(first)
    chat = old.add("conversations", user_id=first)
    message = old.add("messages", conversation_id=chat)

    take(old, limit=ALL)

    assert rejects(world, "identity") == {first: "email:duplicate"}
    assert rejects(world)[order] == "user_id:not_taken"
    assert set(rejects(world).values()) == {"user_id:not_taken"}  # its payment's, too
    assert rejects(world, "bot") == {chat: "user_id:not_taken", message: "conversation_id:not_taken"}
    with as_context(None):
        assert [user.pk for user in User.objects.all()] == [second]
    detail = world.superuser("identity").execute("SELECT detail FROM legacy.rejects").fetchall()
    assert detail == [(str(second),)]


def test_what_the_new_platform_has_already_is_not_overwritten(old, take, world, as_context):
    with as_context(None):
        User.objects.create(email="olena@example.com", password="!")
    late = old.person(email="olena@example.com")

    take(old, only=["users"], limit=ALL)

    assert rejects(world, "identity") == {late: "email:taken"}


def test_periods_of_rates_end_where_the_next_begins(old, take, world):
    old.connection.execute(
        "ALTER TABLE exchange_rates DROP CONSTRAINT exchange_rates_from_currency_to_currency_valid_from_key"
    )
    january = old.add("exchange_rates", valid_from="2025-01-01")
    february = old.add("exchange_rates", valid_from="2025-02-01", valid_until="2025-12-31", rate="41")
    bad = old.add("exchange_rates", valid_from="2025-02-15", rate="-1")
    twins = [old.add("exchange_rates", valid_from="2025-03-01", rate=rate) for rate in ("42", "43")]
    backwards = old.add("exchange_rates", to_currency="EUR", valid_from="2025-03-01", valid_until="2025-02-01")

    take(old, only=["exchange_rates"], limit=ALL)

    rows = world.superuser("web").execute("SELECT id, valid_until::date::text FROM exchange_rates").fetchall()
    assert dict(rows) == {january: "2025-02-01", february: "2025-03-01", max(twins): None}
    assert rejects(world) == {bad: "rate:not_positive", min(twins): "period_empty", backwards: "period_empty"}


def test_a_permission_that_means_nothing_in_its_context_is_rejected(old, take, world):
    user = old.person()
    unknown = old.add("user_permissions", user_id=user, permission="fly", application_context="web")
    nowhere = old.add("user_permissions", user_id=user, permission="*", application_context="desktop")

    take(old, only=["users", "user_permissions"], limit=ALL)

    assert rejects(world, "identity") == {
        unknown: "permission:permission_unknown",
        nowhere: "application_context:context_unknown",
    }


def test_what_is_lost_of_a_row_that_is_taken_is_told(old, take, world, as_context):
    user = old.person(password_hash="md5:9a0364b9e99bb480dd25e1f0284c8555")
    old.add("user_profiles", user_id=user, language="xx", time_zone="Mars/Olympus")

    outcome = take(old, only=["users", "user_profiles"])

    told = world.superuser("identity").execute("SELECT reason, taken FROM legacy.rejects ORDER BY 1").fetchall()
    assert told == [
        ("language:language_unknown", True),
        ("password_hash:hash_unknown", True),
        ("time_zone:time_zone_unknown", True),
    ]
    assert outcome.totals["users"] == Totals(1, 1)
    with as_context(None):
        assert not User.objects.get().has_usable_password()


def test_the_rejects_file_tells_the_row_and_no_secret(old, take, tmp_path):
    key = old.person(email="nobody")
    file = tmp_path / "rejects.csv"
    file.write_text("of another run, and open to everybody")

    assert take(old, only=["users"], limit=ALL, rejects=file).rejects == 1

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    [row] = csv.DictReader(file.read_text().splitlines())
    assert (row["step"], row["old_key"], row["reason"]) == ("users", str(key), "email:not_an_email")
    assert row["meaning"] == REASONS["not_an_email"]
    assert "nobody" in row["row"]
    assert "$2b$" not in row["row"]


def test_every_reason_has_its_words():
    assert all(meaning_of(reason) for reason in FLAWS if reason != "same_currency")
    assert meaning_of("same_currency")


@pytest.mark.parametrize(("limit", "stops"), [("2", False), ("1", True), ("50%", False), ("40%", True)])
def test_the_threshold_stops_the_run_which_can_be_gone_on_with(old, take, world, limit, stops):
    for number in range(4):
        old.person(email=f"nobody{number}" if number % 2 else f"person{number}@example.com")

    if stops:
        with pytest.raises(TooManyRejects):
            take(old, only=["users"], limit=Limit.parse(limit))
    outcome = take(old, only=["users"], limit=ALL if stops else Limit.parse(limit))

    assert outcome.resumed == stops
    assert outcome.totals["users"] == Totals(4, 2, rejected=2)


def test_too_many_orders_that_cannot_be_booked_stop_it_too(old, take):
    user = old.person()
    old.add("orders", user_id=user)
    old.paid_order(user)

    with pytest.raises(TooManyRejects, match="1 of 2 orders were taken out again"):
        take(old, only=["users", "orders", "payments"])


def test_a_file_that_cannot_be_written_is_told_before_anything_is_done(old, take, world, tmp_path):
    with pytest.raises(IsADirectoryError):
        take(old, rejects=tmp_path)
    assert world.superuser("web").execute("SELECT to_regnamespace('legacy')").fetchone() == (None,)


def test_a_text_is_quoted_whatever_is_in_it(world):
    awkward = "it's a \\ 100% 'test'\n"
    found = world.superuser("web").execute(f"SELECT {literal(awkward)}".encode()).fetchone()
    assert found == (awkward,)
