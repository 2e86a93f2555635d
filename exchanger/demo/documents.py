"""The configuration documents of the demo: two published versions for the web application and two for the bot."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from admin_panel.models import Configuration
from admin_panel.tests.factories import ConfigurationFactory
from bot.document import default_document
from exchanger.demo.ids import demo_id
from exchanger.demo.market import BASE, CURRENCIES, FEE, SPREADS, WEB_PUBLISHED
from exchanger.demo.orders import QUOTE_LIFE
from exchanger.demo.plan import Plan
from exchanger.demo.texts import NEWS, WORDED
from exchanger.kernel.contexts import Context
from exchanger.kernel.money.currencies import currency

TELEGRAM_PUBLISHED: Final = {1: timedelta(days=95), 2: timedelta(days=33, hours=7)}
"""How long before the anchor each version of the bot's configuration was published."""

COMMENTS: Final = {
    (Context.WEB, 1): "Opening",
    (Context.WEB, 2): "Spread lowered after the competitors'",
    (Context.TELEGRAM, 1): "Opening",
    (Context.TELEGRAM, 2): "The text of maintenance names the working hours; a slower pace",
}

# Two days: the demo's rates are made daily, and each stays in force until the next.
RATE_MAX_AGE: Final = timedelta(days=2)
# From Maundy Thursday until Tuesday afternoon the European Central Bank publishes nothing.
FEED_MAX_AGE: Final = timedelta(days=6)


def configurations(plan: Plan) -> list[Configuration]:
    """Both versions for each context that has none yet; where people have published their own, they stand."""
    taken = set(Configuration.objects.values_list("application_context", flat=True))
    ages: dict[Context, Mapping[int, timedelta]] = {Context.WEB: WEB_PUBLISHED, Context.TELEGRAM: TELEGRAM_PUBLISHED}
    return [
        _version(plan, context, version, plan.anchor - age)
        for context, versions in ages.items()
        if context not in taken
        for version, age in versions.items()
    ]


def document(plan: Plan, context: Context, version: int) -> dict[str, Any]:
    """The document of one version; amounts and shares are decimal strings, durations are in seconds."""
    return _web(plan, version) if context is Context.WEB else _telegram(version)


def _version(plan: Plan, context: Context, version: int, at: datetime) -> Configuration:
    configuration: Configuration = ConfigurationFactory.build(
        id=demo_id("configuration", context, version),
        application_context=context,
        version=version,
        document=document(plan, context, version),
        comment=COMMENTS[context, version],
        created_by=plan.people.operator.id,
        created_at=at - timedelta(minutes=14),
        published_at=at,
    )
    return configuration


def _web(plan: Plan, version: int) -> dict[str, Any]:
    return {
        "pairs": [f"{source}/{target}" for source, target in plan.rates.pairs],
        "limits": {code: {"min": f"{money.minimum}", "max": f"{money.maximum}"} for code, money in CURRENCIES.items()},
        "bank_accounts": {code: _bank_account(code) for code in CURRENCIES if not currency(code).crypto},
        "spread": f"{SPREADS[version]}",
        "fee": f"{FEE}",
        "rate_max_age_seconds": int(RATE_MAX_AGE.total_seconds()),
        "quote_life_seconds": int(QUOTE_LIFE.total_seconds()),
        "maintenance_mode": False,
        "base_currency": BASE,
        "max_deviation_percent": "5",
        "feeds": [],  # the demo asks nobody; manage.py fetch_rates --provider nbu does
        "feed_max_age_seconds": int(FEED_MAX_AGE.total_seconds()),
    }


def _bank_account(code: str) -> dict[str, str]:
    """An account that no bank has: its check digits are wrong, so a real transfer to it is turned away."""
    number = "".join(f"{ord(letter):02}" for letter in code)
    return {"recipient": "Exchanger Demo LLC", "iban": f"UA00305299{number:0>19}", "bank": "Demo Bank"}


def _telegram(version: int) -> dict[str, Any]:
    return default_document() | {
        "texts": WORDED[version],
        "messages_per_second": None if version == 1 else 20,
        "told_events": sorted(f"order.{status}" for status in NEWS),
    }
