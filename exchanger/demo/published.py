"""What the demo's operators have published into the databases of the applications that obey it."""

from collections.abc import Mapping
from datetime import timedelta

from admin_panel.configuration_targets import TARGETS
from exchanger.demo.documents import TELEGRAM_PUBLISHED, document
from exchanger.demo.market import WEB_PUBLISHED
from exchanger.demo.plan import Plan
from exchanger.kernel.contexts import Context

_AGES: Mapping[Context, Mapping[int, timedelta]] = {Context.WEB: WEB_PUBLISHED, Context.TELEGRAM: TELEGRAM_PUBLISHED}


def configuration_add(plan: Plan, context: Context) -> int:
    """Publish the latest version where nothing has been published; returns how many rows that added."""
    target, ages = TARGETS[context], _AGES[context]
    if target.in_force() is not None:
        return 0
    version = max(ages)
    target.publish(version=version, document=document(plan, context, version))
    row = target.in_force()
    assert row is not None
    row.published_at = plan.anchor - ages[version]
    row.save(update_fields=["published_at"])
    return 1
