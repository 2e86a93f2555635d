"""The audit trail of the demo's staff: what they did to orders, rates, permissions and settings; when they came in."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

from admin_panel.models import AuditLog, AuditOutcome, Outcome
from admin_panel.tests.factories import AuditLogFactory, AuditOutcomeFactory
from exchanger.demo.documents import TELEGRAM_PUBLISHED, document
from exchanger.demo.ids import demo_id, stream
from exchanger.demo.market import HISTORY, KYIV, WEB_PUBLISHED, Pair, days_between
from exchanger.demo.orders import Story
from exchanger.demo.panel import SETTINGS
from exchanger.demo.people import Person
from exchanger.demo.plan import Plan
from exchanger.demo.rates import rate_id
from exchanger.demo.users import VIEW_PERMISSIONS
from exchanger.kernel.contexts import Context
from web.models import OrderStatus

DENIED: Final = "access.denied"
_SATURDAY: Final = 5

# Addresses of the ranges kept for documentation.
_OFFICE: Final = ("203.0.113.24", "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0")
_HOME: Final = (
    "2001:db8:4f:1::17",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/605.1.15",
)
_VIEWER: Final = (
    "198.51.100.61",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
)
_PUBLISHED_PAIRS: Final[tuple[Pair, ...]] = (("USD", "UAH"), ("EUR", "UAH"))  # the others follow by themselves
_ORDER_ACTIONS: Final = {
    OrderStatus.PROCESSING: "order.confirm",
    OrderStatus.COMPLETED: "order.complete",
    OrderStatus.REFUNDED: "order.refund",
    OrderStatus.FAILED: "order.fail",
}


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that somebody did, or tried to."""

    at: datetime
    who: Person
    action: str
    resource_type: str
    resource_id: str | None = None
    old: dict[str, Any] | None = None
    new: dict[str, Any] | None = None


def audit_logs(plan: Plan) -> list[AuditLog]:
    """The whole trail, in the order in which it was written."""
    deeds = sorted(_deeds(plan), key=lambda deed: deed.at)
    return [_row(number, deed, plan) for number, deed in enumerate(deeds) if deed.at <= plan.anchor]


def audit_outcomes(logs: list[AuditLog]) -> list[AuditOutcome]:
    """How each entry ended: what was denied is known by its name, all else was done within the second."""
    return [
        AuditOutcomeFactory.build(
            id=demo_id("audit outcome", str(log.pk)),
            entry=log,
            outcome=Outcome.DENIED if log.action == DENIED else Outcome.DONE,
            details={"reason": "PermissionDenied"} if log.action == DENIED else None,
            created_at=log.created_at + timedelta(milliseconds=20),
        )
        for log in logs
    ]


def _deeds(plan: Plan) -> Iterator[Deed]:
    yield from _opening(plan)
    yield from _configurations(plan)
    yield from _settings(plan)
    yield from _days(plan)
    for story in plan.stories:
        yield from _order(plan, story)


def _row(number: int, deed: Deed, plan: Plan) -> AuditLog:
    at_home = deed.at.astimezone(KYIV).hour not in range(9, 19)
    address, agent = _VIEWER if deed.who is plan.people.viewer else _HOME if at_home else _OFFICE
    row: AuditLog = AuditLogFactory.build(
        id=audit_id(number),
        admin_id=deed.who.id,
        action=deed.action,
        resource_type=deed.resource_type,
        resource_id=deed.resource_id,
        old_values=deed.old,
        new_values=deed.new,
        ip_address=address,
        user_agent=agent,
        created_at=deed.at,
    )
    return row


def _opening(plan: Plan) -> Iterator[Deed]:
    """The viewer's account and what it was given, once more than it should have been."""
    operator, viewer = plan.people.staff

    def permission(minutes: int, name: str, *, granted: bool) -> Deed:
        held = {"permission": name, "application_context": str(Context.ADMIN)}
        at, action = viewer.joined_at + timedelta(minutes=minutes), "grant" if granted else "revoke"
        old, new = (None, held) if granted else (held, None)
        return Deed(at, operator, f"user.permission.{action}", "user", str(viewer.id), old, new)

    for minute, name in enumerate(VIEW_PERMISSIONS):
        yield permission(minute + 2, name, granted=True)
    yield permission(40, "web.change_exchangerate", granted=True)
    yield permission(52, "web.change_exchangerate", granted=False)


def _configurations(plan: Plan) -> Iterator[Deed]:
    for context, versions in ((Context.WEB, WEB_PUBLISHED), (Context.TELEGRAM, TELEGRAM_PUBLISHED)):
        for version, age in versions.items():
            new = document(plan, context, version)
            old = document(plan, context, version - 1) if version > 1 else {}
            changed = {key for key, value in new.items() if old.get(key) != value}
            yield Deed(
                plan.anchor - age,
                plan.people.operator,
                "configuration.publish",
                "configuration",
                context.value,
                {key: old[key] for key in sorted(changed & old.keys())} or None,
                {key: new[key] for key in sorted(changed)},
            )


def _settings(plan: Plan) -> Iterator[Deed]:
    for changed in SETTINGS:
        old, new = {"value": changed.before}, {"value": changed.value}
        at = plan.anchor - changed.changed_before
        yield Deed(at, plan.people.operator, "setting.set", "admin_setting", changed.setting.key, old, new)


def _days(plan: Plan) -> Iterator[Deed]:
    """The operator comes in each day, and on working days publishes the next one's rates; the viewer looks in."""
    operator, viewer = plan.people.staff
    for day in days_between((plan.anchor - HISTORY).date() + timedelta(days=1), plan.anchor.date()):
        chances = stream("staff", (plan.anchor.date() - day).days)
        yield _login(operator, _at(day, 9, chances))
        if day.weekday() >= _SATURDAY:
            continue
        yield from _published(plan, day + timedelta(days=1), _at(day, 17, chances))
        if day > viewer.joined_at.date() and chances.random() < 0.4:
            yield _login(viewer, _at(day, 11, chances))
            if chances.random() < 0.2:
                denied = {"permission": "web.add_exchangerate"}
                yield Deed(_at(day, 12, chances), viewer, DENIED, "exchange_rate", None, None, denied)


def _at(day: date, hour: int, chances: Random) -> datetime:
    """Some minute of an hour of Kyiv."""
    return datetime.combine(day, time(hour, chances.randrange(55)), KYIV).astimezone(UTC)


def _login(who: Person, at: datetime) -> Deed:
    return Deed(at, who, "session.open", "session", None, None, {"application_context": str(Context.ADMIN)})


def _published(plan: Plan, day: date, at: datetime) -> Iterator[Deed]:
    if day > plan.anchor.date():
        return  # no rate for that day yet
    for seconds, pair in enumerate(_PUBLISHED_PAIRS):
        before, after = (plan.rates.on(pair, day - timedelta(days=1)), plan.rates.on(pair, day))
        if before != after:
            yield Deed(
                at + timedelta(seconds=40 * seconds),
                plan.people.operator,
                "rate.publish",
                "exchange_rate",
                str(rate_id(pair, day)),
                {"pair": "/".join(pair), "rate": f"{before}"},
                {"pair": "/".join(pair), "rate": f"{after}", "valid_from": f"{day}T00:00:00Z"},
            )


def _order(plan: Plan, story: Story) -> Iterator[Deed]:
    """What an operator did to an order; a payment that fails, and a client who cancels, need no operator."""
    for before, step in zip(story.steps, story.steps[1:], strict=False):
        action = _ORDER_ACTIONS.get(step.status)
        if action is not None and before.status != OrderStatus.PENDING:
            old, new = {"status": str(before.status)}, {"status": str(step.status)}
            yield Deed(step.at, plan.people.operator, action, "order", str(story.order.id), old, new)


def audit_id(number: int) -> UUID:
    """The id of the trail's entry of that number, the oldest being 0."""
    return demo_id("audit", number)
