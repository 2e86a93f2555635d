"""Quiet hours: how they are written, when they are over where clocks are changed, and what waits for their end."""

import threading
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connections, transaction
from django.db.utils import IntegrityError
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from bot.adapter import TelegramAdapter
from bot.models import BroadcastStatus, Notification, QuietHours
from bot.notification_kinds import ALWAYS, Kind
from bot.quiet_hours import Hours, Problem, WrongHours, parse_hours
from bot.services.notification_delivery import UNWANTED, End, Outcome, notifications_claim, notifications_record
from bot.services.notification_preferences import notification_kind_set
from bot.services.quiet_hours import quiet_hours_remove, quiet_hours_set
from bot.tests.factories import BroadcastFactory, ConversationFactory, NotificationFactory
from bot.tests.updates import CHAT, buttons, link, message, press, tell, texts, waits_for_a_lock
from exchanger.testing.waiting import until

pytestmark = pytest.mark.context("telegram")
KYIV = ZoneInfo("Europe/Kyiv")  # on 2026-03-29 there is no 3:00 to 3:59, and on 2026-10-25 there is twice
ZONES = ["UTC", "Europe/Kyiv", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"]
CLOCKS = st.builds(time, st.integers(0, 23), st.integers(0, 59))
MOMENTS = st.datetimes(datetime(2005, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@st.composite
def hours_of_any_kind(draw):
    begin, end = draw(CLOCKS), draw(CLOCKS)
    return Hours(
        begin,
        end if end != begin else time((begin.hour + 8) % 24, begin.minute),
        ZoneInfo(draw(st.sampled_from(ZONES))),
    )


def over(hours, zone, *at):
    """When they are over by the clock of the zone, seen from a moment by that clock."""
    found = parse_hours(hours, zone).over_at(datetime(*at, tzinfo=zone))
    return None if found is None else f"{found.astimezone(zone):%d %H:%M}"


# --- The clock


@pytest.mark.parametrize(
    ("hours", "at", "expected"),
    [
        ("22-8", (2026, 6, 1, 21, 59), None),
        ("22-8", (2026, 6, 1, 22, 0), "02 08:00"),
        ("22-8", (2026, 6, 1, 0, 0), "01 08:00"),
        ("22-8", (2026, 6, 1, 7, 59), "01 08:00"),
        ("22-8", (2026, 6, 1, 8, 0), None),
        ("13:30-15", (2026, 6, 1, 14, 0), "01 15:00"),
        ("13:30-15", (2026, 6, 1, 13, 0), None),
        ("22-24", (2026, 6, 1, 23, 0), "02 00:00"),
        # The night that has no 3:00 to 3:59, and the one that has it twice.
        ("22-8", (2026, 3, 28, 23, 0), "29 08:00"),
        ("22-8", (2026, 10, 24, 23, 0), "25 08:00"),
        ("22-3:30", (2026, 3, 28, 23, 0), "29 04:30"),
        ("22-3:30", (2026, 10, 24, 23, 0), "25 03:30"),
        ("22-3:30", (2026, 10, 25, 3, 31), None),
        # 3:45 is as 4:45 would be, when it is quiet again already.
        ("4-3:45", (2026, 3, 28, 12, 0), "30 03:45"),
        ("4-3:45", (2026, 3, 29, 1, 0), "30 03:45"),
    ],
)
def test_quiet_hours_end_when_the_persons_clock_says_so(hours, at, expected):
    assert over(hours, KYIV, *at) == expected


def test_a_night_is_an_hour_shorter_or_longer_when_the_clocks_are_changed():
    hours = parse_hours("22-8", KYIV)
    lengths = [
        (hours.over_at(begin) - begin) // timedelta(hours=1)
        for begin in (
            datetime(2026, month, day, 22, tzinfo=KYIV).astimezone(UTC) for month, day in ((3, 28), (6, 1), (10, 24))
        )
    ]
    assert lengths == [9, 10, 11]


@given(hours=hours_of_any_kind(), at=MOMENTS)
def test_what_is_put_off_is_put_off_into_the_future_and_not_into_quiet_hours_again(hours, at):
    end = hours.over_at(at)
    local = at.astimezone(hours.zone)
    if end is not None:
        assert at < end <= at + timedelta(days=3)
        assert hours.over_at(end) is None
    # On a day on which nobody's clock is changed the clock alone decides.
    offsets = {(local + timedelta(days=days)).utcoffset() for days in (-2, -1, 0, 1, 2)}
    if len(offsets) == 1:
        begin, stop, now = hours.begin, hours.end, local.time()
        quiet = begin <= now < stop if begin < stop else now >= begin or now < stop
        assert (end is not None) is quiet
        if end is not None:
            assert end.astimezone(hours.zone).time() == stop


@given(hours=hours_of_any_kind(), at=MOMENTS)
def test_all_that_comes_in_one_night_waits_for_the_same_moment(hours, at):
    end = hours.over_at(at)
    if end is not None:
        assert hours.over_at(at + (end - at) / 2) == end


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("22-8", "22:00–08:00 (UTC)"),
        (" 22:00–08:00 ", "22:00–08:00 (UTC)"),
        ("22.30 — 7", "22:30–07:00 (UTC)"),
        ("22-8 europe/kyiv", "22:00–08:00 (Europe/Kyiv)"),
    ],
)
def test_hours_are_read_as_people_write_them(text, shown):
    assert str(parse_hours(text, ZoneInfo("UTC"))) == shown


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", Problem.UNREADABLE),
        ("22", Problem.UNREADABLE),
        ("25-8", Problem.UNREADABLE),
        ("22:60-8", Problem.UNREADABLE),
        ("24:30-8", Problem.UNREADABLE),
        ("22-8 Europe/Kyiv now", Problem.UNREADABLE),
        ("٢٢-٨", Problem.UNREADABLE),
        ("8-8:00", Problem.EQUAL),
        ("0-24", Problem.EQUAL),
        ("22-8 Europe/Nowhere", Problem.UNKNOWN_ZONE),
        ("22-8 ../etc/passwd", Problem.UNKNOWN_ZONE),
    ],
)
def test_what_are_no_hours_is_refused_with_what_is_wrong(text, problem):
    with pytest.raises(WrongHours) as refused:
        parse_hours(text, KYIV)
    assert refused.value.problem is problem


# --- In the chat


@pytest.fixture
def anna():
    return link(ConversationFactory(telegram_user_id=CHAT), time_zone="Europe/Kyiv")


def pressed(reply, name):
    *_, answer = tell(press(next(button for button in buttons(reply) if name in button["text"])))
    return answer


@pytest.mark.usefixtures("anna")
def test_they_are_set_named_changed_and_ended_in_the_chat():
    asked = pressed(tell(message("/notifications"))[0], "Quiet hours")
    assert "Europe/Kyiv" in asked.payload["text"]
    assert not QuietHours.objects.exists()
    (shown,) = tell(message("22-8"))
    assert "Quiet hours: 22:00–08:00 (Europe/Kyiv)." in shown.payload["text"]
    assert TelegramAdapter().find_quiet_hours(CHAT) == Hours(time(22), time(8), KYIV)
    pressed(shown, "Quiet hours")
    tell(message("23:30 - 7 America/New_York"))
    assert TelegramAdapter().find_quiet_hours(CHAT) == Hours(time(23, 30), time(7), ZoneInfo("America/New_York"))
    pressed(tell(message("/notifications"))[0], "Quiet hours")
    (shown,) = tell(message("Off"))
    assert "Quiet hours:" not in shown.payload["text"]
    assert not QuietHours.objects.exists()


@pytest.mark.usefixtures("anna")
def test_the_buttons_end_them_or_leave_them():
    quiet_hours_set(telegram_user_id=CHAT, hours=parse_hours("22-8", KYIV))
    asked = pressed(tell(message("/notifications"))[0], "Quiet hours")
    shown = pressed(asked, "Back")
    assert "22:00" in shown.payload["text"]
    shown = pressed(pressed(shown, "Quiet hours"), "No quiet hours")
    assert "22:00" not in shown.payload["text"]
    assert not QuietHours.objects.exists()


@pytest.mark.usefixtures("anna")
@pytest.mark.parametrize(("text", "said"), [("10 to 8", "like this"), ("8-8", "same time"), ("22-8 Mars", "time zone")])
def test_what_cannot_be_taken_changes_nothing_and_can_be_written_again(text, said):
    quiet_hours_set(telegram_user_id=CHAT, hours=parse_hours("1-2", KYIV))
    pressed(tell(message("/notifications"))[0], "Quiet hours")
    assert said in texts(tell(message(text)))[0]
    assert TelegramAdapter().find_quiet_hours(CHAT) == parse_hours("1-2", KYIV)
    assert "Quiet hours: 03:00" in texts(tell(message("3-4")))[0]


@pytest.mark.parametrize(
    ("language", "word", "off"), [("uk", "Тихі години", "вимкнути"), ("ru", "Тихие часы", "выключить")]
)
def test_in_the_other_languages(language, word, off):
    link(ConversationFactory(telegram_user_id=CHAT), language=language)
    pressed(tell(message("/notifications"))[0], word)
    assert f"{word}: 22:00–08:00 (UTC)" in texts(tell(message("22-8")))[0]
    pressed(tell(message("/notifications"))[0], word)
    assert word not in texts(tell(message(off)))[0]


def test_postgresql_too_refuses_hours_that_are_none():
    with pytest.raises(IntegrityError, match="quiet_hours_differ"):
        QuietHours.objects.create(telegram_user_id=CHAT, quiet_from=time(8), quiet_until=time(8), zone="UTC")


# --- What waits for them


def hours_around_now(hours_left=2):
    """Quiet since an hour ago, by UTC's clock."""
    now = timezone.now()
    return Hours((now - timedelta(hours=1)).time(), (now + timedelta(hours=hours_left)).time(), ZoneInfo("UTC"))


def be_quiet(chat_id=CHAT, **left):
    quiet_hours_set(telegram_user_id=chat_id, hours=hours_around_now(**left))


def notify(text="x", *, notification_type="order.completed", chat_id=CHAT, **values):
    return NotificationFactory(telegram_user_id=chat_id, message=text, notification_type=notification_type, **values)


def claim():
    return notifications_claim(limit=10)


def claimed_texts():
    return [claimed.text for claimed in claim()]


def night_is_over(world):
    world.superuser("bot").execute("DELETE FROM quiet_hours")
    world.superuser("bot").execute(
        "UPDATE notifications SET put_off_until = now(), next_attempt_at = now() WHERE put_off_until IS NOT NULL"
    )


def test_it_is_put_off_until_they_are_over_and_that_is_no_attempt():
    be_quiet()
    row, elsewhere = notify(), notify("elsewhere", chat_id=7002)
    assert claimed_texts() == ["elsewhere"]
    row.refresh_from_db()
    assert abs(row.put_off_until - timezone.now() - timedelta(hours=2)) < timedelta(minutes=1)
    assert (row.next_attempt_at, row.claimed_until, row.attempts, row.dead_at, row.sent) == (
        row.put_off_until, None, 0, None, False
    )  # fmt: skip
    elsewhere.refresh_from_db()
    assert elsewhere.put_off_until is None


@pytest.mark.parametrize("urgent", ALWAYS)
def test_what_is_urgent_goes_and_overtakes_what_waits(urgent):
    be_quiet()
    notify("waits")
    notify("goes", notification_type=urgent)
    notify("waits too")
    assert claimed_texts() == ["goes"]
    assert Notification.objects.filter(put_off_until__isnull=False).count() == 1
    assert claim() == []  # of one chat nothing is claimed while another one is


def test_what_waits_keeps_its_order_and_later_ones_come_after_it(world):
    be_quiet()
    for number in range(3):
        notify(str(number))
    assert claim() == []
    assert Notification.objects.filter(put_off_until__isnull=False).count() == 3
    night_is_over(world)
    notify("3")
    for expected in "0123":
        (claimed,) = claim()
        assert claimed.text == expected
        assert Notification.objects.get(pk=claimed.id).put_off_until is None
        notifications_record(outcomes=[Outcome(claimed, End.SENT, message_id=1)])
    assert claim() == []


def test_broadcasts_are_put_off_too():
    be_quiet()
    notify("news")
    notify("broadcast", broadcast=BroadcastFactory(status=BroadcastStatus.RUNNING))
    assert claim() == []
    assert claim() == []
    assert Notification.objects.filter(put_off_until__isnull=False).count() == 2


def test_a_claim_looks_on_where_all_that_it_found_was_put_off():
    for chat_id in range(7001, 7006):
        be_quiet(chat_id)
        notify("quiet", chat_id=chat_id)
    notify("loud", chat_id=7100)
    assert [claimed.text for claimed in notifications_claim(limit=2)] == ["loud"]


def test_what_is_never_sent_is_dead_at_any_hour():
    anna = link(ConversationFactory(telegram_user_id=CHAT))
    notification_kind_set(user_id=anna.pk, kind=Kind.ORDERS, wanted=False)
    be_quiet()
    notify(user_id=anna.pk)
    assert [claimed.obstacle for claimed in claim()] == [UNWANTED]


@pytest.mark.parametrize("change", ["ended", "changed to others", "changed to longer ones"])
def test_a_change_of_them_is_obeyed_by_what_was_put_off(change):
    be_quiet()
    row = notify()
    assert claim() == []
    match change:
        case "ended":
            quiet_hours_remove(telegram_user_id=CHAT)
        case "changed to others":
            now = timezone.now()
            others = Hours((now + timedelta(hours=3)).time(), (now + timedelta(hours=4)).time(), ZoneInfo("UTC"))
            quiet_hours_set(telegram_user_id=CHAT, hours=others)
        case _:
            be_quiet(hours_left=5)
    expected = 0 if "longer" in change else 1
    assert len(claim()) == expected
    row.refresh_from_db()
    assert (row.put_off_until is None) is bool(expected)
    if not expected:
        assert row.put_off_until - timezone.now() > timedelta(hours=4)


def test_another_zone_is_another_night():
    now = timezone.now().astimezone(KYIV)
    hours = Hours((now - timedelta(hours=1)).time(), (now + timedelta(minutes=30)).time(), KYIV)
    quiet_hours_set(telegram_user_id=CHAT, hours=hours)
    notify()
    assert claim() == []
    quiet_hours_set(telegram_user_id=CHAT, hours=Hours(hours.begin, hours.end, ZoneInfo("UTC")))
    assert len(claim()) == 1


def test_nothing_else_of_the_chat_becomes_due_by_a_change():
    retried = notify(next_attempt_at=timezone.now() + timedelta(hours=1), attempts=2)
    be_quiet()
    quiet_hours_remove(telegram_user_id=CHAT)
    assert Notification.objects.get().next_attempt_at == retried.next_attempt_at


def test_a_claim_that_meets_a_change_under_way_decides_by_the_new_hours():
    """Otherwise it would put off for hours that nobody has any more, after the change has looked for such."""
    be_quiet()
    notify()
    found = []

    def work():
        try:
            found.extend(claim())
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    with transaction.atomic(using="bot"):
        quiet_hours_remove(telegram_user_id=CHAT)
        thread.start()
        until(waits_for_a_lock)
    thread.join(60)
    assert len(found) == 1
    assert Notification.objects.get().put_off_until is None


def test_putting_off_costs_a_claim_one_statement_however_many_there_are():
    for chat_id in range(7001, 7006):
        be_quiet(chat_id)
        notify(chat_id=chat_id)
    notify(chat_id=7100)
    with CaptureQueriesContext(connections["bot"]) as queries:
        assert len(claim()) == 1
    assert len(queries) == 5  # BEGIN and COMMIT among them
