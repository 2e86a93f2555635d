"""The demo data in all four databases, made once and left alone.

The rule of a second run:

- What is made follows from one moment, the *anchor*: that of the first run. It is remembered in the operator's row,
  whose ``created_at`` lies a fixed time before it. Ids are UUIDv5 of what each row is, so the same anchor makes the
  same rows.
- Each database is filled in one transaction, all or nothing, and never again once any of the demo's own main rows is
  there (people, orders, audit trail, conversations). So a run that was interrupted is completed by the next one, and
  what people have since changed, revoked or deleted stays as they left it. Nothing is ever moved to a later date.
- Rates alone go on: each run adds the days that are missing up to today, closing the demo's own open period at the
  midnight that ends its day. A pair whose rate people have published, changed or closed is theirs and is left alone.
- The configurations of web and of the bot are published where nothing has been.
- What people had before the first run stays as well: their rates, configurations, settings and bot state are kept,
  and an address that is taken by somebody else refuses the whole run.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from django.db import connections, transaction
from django.db.models import F, Model

from admin_panel.models import AdminSetting, AuditLog, AuditOutcome, Configuration, Report, SystemMetric
from bot.models import BotState, Broadcast, Conversation, Message, Notification, UserCommand
from bot.models import PublishedConfiguration as BotPublished
from exchanger.demo import (
    audit,
    broadcasts,
    chats,
    conversations,
    documents,
    events,
    ledger,
    metrics,
    panel,
    payments,
    quotes,
    refunds,
    users,
)
from exchanger.demo.ids import demo_id
from exchanger.demo.people import OPERATOR_JOINED
from exchanger.demo.plan import Plan, make_plan
from exchanger.demo.published import configuration_add
from exchanger.demo.rates import rates_add
from exchanger.demo.refused import DemoRefused
from exchanger.kernel.contexts import ALIASES, IDENTITY, Context
from exchanger.kernel.published import Published
from identity.models import User, UserPermission, UserProfile
from web.models import AnalyticsEvent, ExchangeRate, Order, Payment, Quote, Refund, Transaction
from web.models import PublishedConfiguration as WebPublished

Row = TypeVar("Row", bound=Model)

_LOCK = 0x5EED_DE30  # PostgreSQL's advisory lock: two runs at once take turns


@dataclass(frozen=True, slots=True)
class Progress:
    """How many rows of ``what`` one step added to the database ``alias``."""

    alias: str
    what: str
    added: int


def seed(*, now: datetime) -> Iterator[Progress]:
    """Fill the databases that are not filled yet, and bring the demo's rates up to today; ``now`` is aware.

    Each step is reported once its database has committed it.

    Raises:
        DemoRefused: people whom the demo did not make have its addresses; nothing was written.
        django.core.exceptions.ImproperlyConfigured: a database has no URL; nothing was written.
    """
    for alias in ALIASES:
        connections[alias].ensure_connection()
    now = now.astimezone(UTC)
    with _alone(IDENTITY):
        plan = make_plan(_anchor(now))
        done = _filled(IDENTITY, plan)
    yield from done
    for alias in ALIASES:
        if alias == IDENTITY:
            continue
        with _alone(alias):
            done = _filled(alias, plan)
            if alias == "web":
                first = bool(done)
                rates = rates_add(book=plan.rates, today=now.date(), history=first)
                done += [_progress(ExchangeRate, rates), _published(WebPublished, plan, Context.WEB)]
                if first:
                    done.append(_insert(Quote, quotes.quotes(plan)))
            if alias == "bot":
                done.append(_published(BotPublished, plan, Context.TELEGRAM))
        yield from done


def _anchor(now: datetime) -> datetime:
    joined = User.objects.filter(pk=demo_id("user", "operator")).values_list("created_at", flat=True).first()
    return now.replace(microsecond=0) if joined is None else joined + OPERATOR_JOINED


@contextmanager
def _alone(alias: str) -> Iterator[None]:
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        yield


def _filled(alias: str, plan: Plan) -> list[Progress]:
    """What was added to a database; nothing when it has been filled before."""
    main_rows, add = _DATABASES[alias]
    return [] if main_rows(plan) else list(add(plan))


def _has_users(plan: Plan) -> bool:
    return User.objects.filter(pk__in=[person.id for person in plan.people.everybody]).exists()


def _identity(plan: Plan) -> Iterator[Progress]:
    people = users.users(plan)
    if taken := sorted(User.objects.filter(email__in=[user.email for user in people]).values_list("email", flat=True)):
        raise DemoRefused(f"Taken by somebody whom the demo did not make: {', '.join(taken)}. Rename or remove them.")
    yield _insert(User, people)
    # The model stamps updated_at with the present, later than anything the demo tells.
    User.objects.filter(pk__in=[user.pk for user in people]).update(updated_at=F("created_at"))
    yield _insert(UserProfile, users.profiles(plan))
    yield _insert(UserPermission, users.permissions(plan))


def _has_orders(plan: Plan) -> bool:
    return Order.objects.filter(pk__in=[story.order.pk for story in plan.stories]).exists()


def _web(plan: Plan) -> Iterator[Progress]:
    yield _insert(Order, [story.order for story in plan.stories])
    yield _insert(Payment, payments.payments(plan))
    yield _insert(Refund, refunds.refunds(plan))
    yield _insert(Transaction, ledger.transactions(plan))
    yield _insert(AnalyticsEvent, events.analytics_events(plan))


def _has_audit_trail(plan: Plan) -> bool:
    return AuditLog.objects.filter(pk=audit.audit_id(0)).exists()


def _admin(plan: Plan) -> Iterator[Progress]:
    logs = audit.audit_logs(plan)
    yield _insert(AuditLog, logs)
    yield _insert(AuditOutcome, audit.audit_outcomes(logs))
    yield _insert(Configuration, documents.configurations(plan))
    yield _insert(AdminSetting, panel.admin_settings(plan))
    yield _insert(Report, panel.reports(plan))
    yield _insert(SystemMetric, metrics.system_metrics(plan))


def _has_conversations(plan: Plan) -> bool:
    ids = [conversations.conversation_id(chat.telegram_user_id) for chat in chats.make_chats(plan)]
    return Conversation.objects.filter(pk__in=ids).exists()


def _bot(plan: Plan) -> Iterator[Progress]:
    made = chats.make_chats(plan)
    yield _insert(Conversation, conversations.conversations(made))
    yield _insert(Message, conversations.messages(made))
    yield _insert(UserCommand, conversations.user_commands(made))
    notifications = conversations.notifications(made)
    yield _insert(Broadcast, broadcasts.broadcasts(plan, conversations.broadcasts_made(notifications)))
    yield _insert(Notification, notifications)
    yield _insert(BotState, conversations.bot_states(plan))


_DATABASES: dict[str, tuple[Callable[[Plan], bool], Callable[[Plan], Iterator[Progress]]]] = {
    "identity": (_has_users, _identity),
    "web": (_has_orders, _web),
    "admin": (_has_audit_trail, _admin),
    "bot": (_has_conversations, _bot),
}


def _insert(model: type[Row], rows: list[Row]) -> Progress:
    model._default_manager.bulk_create(rows)
    return _progress(model, len(rows))


def _published(model: type[Published], plan: Plan, context: Context) -> Progress:
    return _progress(model, configuration_add(plan, context))


def _progress(model: type[Model], added: int) -> Progress:
    alias = model._default_manager.db
    return Progress(alias, str(model._meta.verbose_name_plural), added)
