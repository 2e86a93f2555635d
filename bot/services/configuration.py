"""Publishing: what the operators' panel puts into force in the telegram application."""

from typing import Any

from django.db import transaction

from bot.configuration import PUBLISHED, BotConfiguration, forget_recent


@transaction.atomic(using="bot")
def configuration_publish(*, version: int, document: Any) -> BotConfiguration:
    """Put a version of the document into force; telegram processes obey it within five seconds.

    Raises:
        exchanger.kernel.documents.InvalidDocument: nothing was changed.
    """
    configuration, _ = PUBLISHED.put(version=version, document=document)
    transaction.on_commit(forget_recent, using="bot")
    return configuration
