"""From a row to Telegram: what arrives, in which order, how often, and what becomes of what does not."""

import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.utils import timezone

from bot.models import Broadcast, Conversation, Message, Notification
from bot.sender.admission import Limits as TelegramsLimits
from bot.sender.retries import ATTEMPTS, FIRST_SECONDS, LONGEST_SECONDS
from bot.services.notification_delivery import BLOCKED, NOT_LINKED, STOPPED
from bot.telegram.failures import WrongToken
from bot.tests.factories import BroadcastFactory, ConversationFactory, NotificationFactory
from bot.tests.sending import FAST, SenderProcess, ended, sender, time_passes
from exchanger.kernel.cache.namespaces import PACE
from exchanger.local.paths import CHECKOUT
from exchanger.sandbox.telegram import faults
from exchanger.sandbox.telegram.limits import Limits
from exchanger.sandbox.telegram.server import serving
from exchanger.testing.outages import frozen_redis
from exchanger.testing.processes import process_environment
from exchanger.testing.waiting import until

pytestmark = pytest.mark.context("telegram")
CHAT = 7001


@pytest.fixture(autouse=True)
def fast(settings):
    for name, value in FAST.items():
        setattr(settings, name, value)


@pytest.fixture
def telegram():
    with serving(anybody=True) as server:
        yield server


def notify(chat_id=CHAT, text="Order 0A1B2C3D is completed.", *, seconds_ago=0, **values):
    created_at = timezone.now() - timedelta(seconds=seconds_ago)
    return NotificationFactory(telegram_user_id=chat_id, message=text, created_at=created_at, **values)


def sent_while(telegram, count):
    """Run a sender until ``count`` notifications have ended."""
    with sender(telegram):
        until(lambda: ended() == count)


def test_a_notification_is_sent_recorded_and_part_of_its_chats_conversation(telegram):
    conversation, row = ConversationFactory(telegram_user_id=CHAT), notify()
    stranger = notify(7002, "Nobody has a conversation with them.")
    sent_while(telegram, 2)
    assert {(call.chat_id, call.text) for call in telegram.messages} == {(CHAT, row.message), (7002, stranger.message)}
    assert all("parse_mode" not in call.parameters for call in telegram.messages)
    row.refresh_from_db()
    assert (row.sent, row.attempts, row.failure, row.dead_at, row.claimed_until) == (True, 0, "", None, None)
    assert row.sent_at >= row.created_at
    message = Message.objects.get()
    assert (message.conversation_id, message.message_type) == (conversation.pk, "text")
    assert message.content == {"text": row.message, "direction": "out"}
    assert telegram.api.chats.messages[CHAT, message.message_id]["text"] == row.message


def test_a_chats_notifications_arrive_in_their_order_one_at_a_time_and_other_chats_do_not_wait(telegram):
    for number in range(5):
        notify(text=str(number), seconds_ago=60 - number)
    telegram.script("sendMessage", faults.fails(500), chat_id=CHAT)
    notify(7002, "elsewhere")
    with sender(telegram):
        until(lambda: ended() == 1)
        until(lambda: Notification.objects.filter(attempts=1, claimed_until=None).exists())
    assert [call.text for call in telegram.messages] == ["elsewhere"]
    for _ in range(5):
        time_passes_and_sends(telegram)
    assert [call.text for call in telegram.messages if call.chat_id == CHAT] == ["0", "1", "2", "3", "4"]


def time_passes_and_sends(telegram):
    before = ended()
    Notification.objects.filter(sent=False).update(next_attempt_at=timezone.now())
    with sender(telegram):
        until(lambda: ended() > before)


@pytest.mark.parametrize("state", ["blocked", "deactivated"])
def test_a_chat_that_is_gone_is_marked_and_nothing_more_is_tried(telegram, state):
    setattr(telegram.join(CHAT), state, True)
    ConversationFactory(telegram_user_id=CHAT)
    other = ConversationFactory(telegram_user_id=7002)
    first, second = notify(seconds_ago=2), notify(seconds_ago=1)
    sent_while(telegram, 2)
    assert [call.status for call in telegram.calls] == [403]
    for row, failure in ((first, "Forbidden"), (second, BLOCKED)):
        row.refresh_from_db()
        assert failure in row.failure
        assert row.dead_at is not None
        assert not row.sent
    assert Conversation.objects.get(telegram_user_id=CHAT).blocked_at is not None
    other.refresh_from_db()
    assert other.blocked_at is None
    assert not Message.objects.exists()


def test_a_chat_that_telegram_does_not_know_is_gone_too():
    with serving() as telegram:
        row = notify()
        sent_while(telegram, 1)
    row.refresh_from_db()
    assert row.failure == "Chat not found"
    assert row.dead_at is not None


def test_what_telegram_refuses_as_it_is_is_dead_and_the_next_one_goes(telegram):
    wrong, right = notify(text="x" * 5000, seconds_ago=1), notify(text="right")
    sent_while(telegram, 2)
    wrong.refresh_from_db()
    right.refresh_from_db()
    assert "too long" in wrong.failure
    assert (wrong.dead_at is not None, wrong.attempts, right.sent) == (True, 1, True)


def test_without_a_linked_account_it_is_dead_and_says_why(telegram):
    row = notify(None)
    sent_while(telegram, 1)
    row.refresh_from_db()
    assert (row.failure, row.sent) == (NOT_LINKED, False)
    assert telegram.calls == []


@pytest.mark.parametrize(
    ("fault", "arrived"),
    [
        (faults.fails(500), 0),
        (faults.fails(502), 0),
        (faults.refuses_connection, 0),
        (faults.loses_answer, 1),  # Telegram has no idempotency key: this one comes twice
    ],
)
def test_what_is_not_answered_is_tried_again_after_a_growing_pause(telegram, fault, arrived):
    row = notify()
    for attempt in range(1, 4):
        telegram.script("sendMessage", fault)
        with sender(telegram):
            until(lambda: Notification.objects.filter(attempts=attempt, claimed_until=None).exists())  # noqa: B023
        row.refresh_from_db()
        longest = FIRST_SECONDS * 2 ** (attempt - 1)
        pause = (row.next_attempt_at - timezone.now()).total_seconds()
        assert longest / 2 - 30 < pause <= longest
        assert row.failure != ""
        assert (row.sent, row.dead_at) == (False, None)
        Notification.objects.update(next_attempt_at=timezone.now())
    sent_while(telegram, 1)
    row.refresh_from_db()
    assert (row.sent, row.attempts, row.failure) == (True, 3, "")
    assert len(telegram.messages) == 3 * arrived + 1


def test_the_last_attempt_that_fails_is_the_end(telegram):
    row = notify(attempts=ATTEMPTS - 1)
    telegram.script("sendMessage", faults.fails(500))
    sent_while(telegram, 1)
    row.refresh_from_db()
    assert (row.attempts, row.sent) == (ATTEMPTS, False)
    assert row.dead_at is not None
    assert FIRST_SECONDS * 2**ATTEMPTS > LONGEST_SECONDS


def test_a_dead_one_that_operators_want_tried_again_is_sent(telegram, as_context):
    row = notify(attempts=ATTEMPTS, dead_at=timezone.now(), failure="Telegram did not answer.")
    with as_context("admin"):
        Notification.objects.update(dead_at=None, attempts=0, next_attempt_at=timezone.now())
    sent_while(telegram, 1)
    row.refresh_from_db()
    assert row.sent


def test_a_pause_that_telegram_asks_for_is_kept_by_all_senders_and_is_no_failure(telegram, world):
    for number in range(10):
        notify(7000 + number)
    telegram.script("sendMessage", faults.floods(3000), times=10)
    with sender(telegram), sender(telegram):
        telegram.wait(lambda: any(call.status == 429 for call in telegram.calls))
        until(lambda: held(world) > 2900)
        until(lambda: not Notification.objects.exclude(claimed_until=None).exists())
    assert telegram.messages == []
    assert set(Notification.objects.values_list("attempts", "dead_at", "sent", "failure")) == {(0, None, False, "")}
    calls = len(telegram.calls)
    before = row_versions(world)
    with SenderOfAnotherProcess(world, telegram):  # it was not there when Telegram asked
        until(lambda: not before & row_versions(world))  # it has claimed them all
        until(lambda: not Notification.objects.exclude(claimed_until=None).exists())
    assert len([call for call in telegram.calls if call.method == "sendMessage"]) == calls


def row_versions(world):
    """They differ once a row has been written, however soon it is again as it was."""
    return set(world.superuser("bot").execute("SELECT id, xmin::text FROM notifications").fetchall())


@contextmanager
def SenderOfAnotherProcess(world, telegram):  # noqa: N802
    process = SenderProcess(world, telegram, "later")
    try:
        yield process
        process.stop()
    finally:
        process.kill()


def held(world):
    with world.redis() as redis:
        return redis.pttl(PACE.key("all")) / 1000


def test_the_limits_of_telegram_are_kept_by_two_senders_together(telegram, settings):
    settings.TELEGRAM_MESSAGES_PER_SECOND = 40.0
    settings.TELEGRAM_CHAT_MESSAGES_PER_SECOND = 2.0
    telegram.api.limits = Limits(per_second=48, chat_per_second=3)
    for number in range(60):
        notify(7000 + number)
    for number in range(3):
        notify(CHAT, str(number))
    with sender(telegram), sender(telegram):
        until(lambda: ended() == 63)
    assert [call.status for call in telegram.calls] == [200] * 63
    times = [call.at for call in telegram.messages]
    assert times[-1] - times[0] >= 62 / 40 * 0.9
    of_one_chat = [call.at for call in telegram.messages if call.chat_id == CHAT]
    assert of_one_chat[-1] - of_one_chat[0] >= 2 / 2 * 0.7


def test_senders_go_as_slowly_as_operators_want(telegram, publish):
    publish(messages_per_second=10)
    for number in range(6):
        notify(7000 + number)
    with sender(telegram):
        until(lambda: ended() == 6)
    times = [call.at for call in telegram.messages]
    assert times[-1] - times[0] >= 5 / 10 * 0.9


def test_and_never_faster_than_the_deployment_allows(settings):
    settings.TELEGRAM_MESSAGES_PER_SECOND = 4.0
    limits = TelegramsLimits()
    for wanted, step in ((None, 0.25), (2, 0.5), (30, 0.25)):
        limits.obey(wanted)
        assert limits.admit([]).step == step


def test_two_senders_send_each_once(telegram, world):
    for number in range(300):
        notify(8000 + number % 60, str(number), seconds_ago=1000 - number)
    with sender(telegram), sender(telegram):
        until(lambda: ended() == 300)
    assert set(Counter(call.text for call in telegram.messages).values()) == {1}
    assert len(telegram.messages) == 300
    by_chat = {}
    for call in telegram.messages:
        by_chat.setdefault(call.chat_id, []).append(int(call.text))
    assert all(numbers == sorted(numbers) for numbers in by_chat.values())


def test_a_killed_sender_repeats_at_most_what_was_under_way_and_loses_nothing(telegram, world):
    for number in range(5):
        notify(7000 + number, str(number))
    telegram.script("sendMessage", faults.never_answers, times=2)
    first = SenderProcess(world, telegram, "first")
    try:
        telegram.wait(lambda: len(telegram.messages) == 5)
        until(lambda: ended() == 3)
    finally:
        first.kill()
    unrecorded = set(Notification.objects.filter(sent=False).values_list("message", flat=True))
    assert len(unrecorded) == 2
    with sender(telegram):  # the claims of the dead one hold until they run out
        notify(9000, "another")
        until(lambda: ended() == 4)
        assert Counter(call.text for call in telegram.messages) == Counter("01234") + Counter(["another"])
        time_passes(world)
        until(lambda: ended() == 6)
    arrived = Counter(call.text for call in telegram.messages)
    assert arrived == Counter("01234") + Counter(unrecorded) + Counter(["another"])


def test_a_sender_that_is_told_to_end_gives_back_what_it_has_not_begun(telegram, world, settings):
    settings.TELEGRAM_MESSAGES_PER_SECOND = 4.0
    for number in range(20):
        notify(7000 + number)
    with sender(telegram):
        telegram.wait(lambda: len(telegram.messages) == 2)
    sent = len(telegram.messages)
    assert 2 <= sent < 20
    assert Notification.objects.filter(sent=True).count() == sent
    assert Notification.objects.filter(sent=False, claimed_until=None, attempts=0).count() == 20 - sent


def test_without_redis_a_part_of_the_pace_is_kept(telegram, world, settings):
    settings.REDIS_PROBE_SECONDS = 3600
    settings.TELEGRAM_MESSAGES_PER_SECOND = 50.0
    for number in range(11):
        notify(7000 + number)
    with frozen_redis(world), sender(telegram):
        until(lambda: ended() == 11)
    times = [call.at for call in telegram.messages]
    assert times[-1] - times[0] >= 9 / 10 * 0.9  # a fifth of the pace


@pytest.mark.parametrize(("status", "goes"), [("draft", 0), ("running", 1), ("paused", 0), ("done", 1)])
def test_a_broadcasts_notifications_go_while_it_runs_and_a_persons_own_news_before_them(telegram, status, goes):
    broadcast = BroadcastFactory(status=status)
    for person in range(3):
        notify(7000 + person, "broadcast", broadcast=broadcast, seconds_ago=100)
    notify(7000, "news")
    sent_while(telegram, 1 + 3 * goes)
    texts = [call.text for call in telegram.messages if call.chat_id == 7000]
    assert texts == ["news", *["broadcast"] * goes]
    assert Notification.objects.filter(broadcast=broadcast, sent=True).count() == 3 * goes
    assert not Notification.objects.filter(broadcast=broadcast, dead_at__isnull=False).exists()


def test_a_paused_broadcast_goes_on_and_a_stopped_one_is_buried(telegram, as_context):
    broadcast = BroadcastFactory(status="paused")
    rows = [notify(7000 + person, broadcast=broadcast) for person in range(2)]
    with as_context("admin"):
        Broadcast.objects.update(status="running")
    Notification.objects.filter(pk=rows[1].pk).update(next_attempt_at=timezone.now() + timedelta(hours=1))
    sent_while(telegram, 1)
    with as_context("admin"):
        Broadcast.objects.update(status="stopped")
    Notification.objects.update(next_attempt_at=timezone.now())
    sent_while(telegram, 2)
    rows[1].refresh_from_db()
    assert (rows[1].failure, rows[1].sent) == (STOPPED, False)
    assert [call.chat_id for call in telegram.messages] == [7000]


def test_a_wrong_token_ends_the_sender_and_nothing_is_lost(telegram):
    row = notify()
    telegram.api.token = "10001:another"
    with pytest.raises(WrongToken, match="@BotFather"), sender(telegram) as running:
        until(lambda: "error" in running)
    row.refresh_from_db()
    assert (row.sent, row.attempts, row.dead_at, row.claimed_until) == (False, 0, None, None)


# --- The process


@pytest.mark.parametrize(
    ("context", "variables", "status", "line"),
    [
        ("telegram", {"TELEGRAM_BOT_TOKEN": ""}, 78, "exchanger: TELEGRAM_BOT_TOKEN is not set: talk to @BotFather"),
        ("telegram", {"TELEGRAM_BOT_TOKEN": "10001:wrong"}, 78, "exchanger: Telegram does not know the token"),
        ("telegram", {"TELEGRAM_MESSAGES_PER_SECOND": "0"}, 78, "exchanger: TELEGRAM_MESSAGES_PER_SECOND is 0: set it"),
        ("web", {}, 1, "CommandError: Notifications are the bot's to send"),
    ],
)
def test_a_sender_that_cannot_send_does_not_start_and_says_why_in_one_line(
    telegram, world, context, variables, status, line
):
    row = notify()
    done = subprocess.run(
        [sys.executable, "manage.py", "send_notifications"],
        cwd=CHECKOUT,
        env={
            **process_environment(context, world.environments),
            "TELEGRAM_API_URL": telegram.url,
            **variables,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status
    assert [done.stderr.startswith(line), len(done.stderr.splitlines())] == [True, 1], done.stderr
    row.refresh_from_db()
    assert (row.sent, row.attempts, row.claimed_until) == (False, 0, None)


def test_a_sender_process_starts_without_telegram_sends_when_it_is_there_and_ends_when_told(telegram, world):
    row = notify()
    telegram.script("getMe", faults.fails(502))
    process = SenderProcess(world, telegram, "early")
    try:
        telegram.wait(lambda: len(telegram.messages) == 1)
        process.stop()
    finally:
        process.kill()
    row.refresh_from_db()
    assert row.sent
    assert "does not answer yet" in process.log.read_text()
