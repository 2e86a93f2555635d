"""What the demo's operators have published into the web application's own database."""

from exchanger.demo.documents import document
from exchanger.demo.market import WEB_PUBLISHED
from exchanger.demo.plan import Plan
from exchanger.kernel.contexts import Context
from web.configuration import KEY
from web.models import PublishedConfiguration
from web.services.configuration import configuration_publish


def configuration_add(plan: Plan) -> int:
    """Publish the latest version where nothing has been published; returns how many rows that added."""
    if PublishedConfiguration.objects.filter(key=KEY).exists():
        return 0
    version = max(WEB_PUBLISHED)
    configuration_publish(version=version, document=document(plan, Context.WEB, version))
    PublishedConfiguration.objects.filter(key=KEY).update(published_at=plan.anchor - WEB_PUBLISHED[version])
    return 1
