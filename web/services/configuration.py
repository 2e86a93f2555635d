"""Publishing: what the operators' panel puts into force in the web application."""

from typing import Any

from django.db import transaction

from exchanger.kernel.cache.invalidation import invalidate_on_commit
from exchanger.kernel.cache.namespaces import RATES
from exchanger.kernel.documents import InvalidDocument
from exchanger.kernel.money.pairs import Pair
from exchanger.kernel.published import Published
from web.configuration import PUBLISHED, WebConfiguration, forget_recent


@transaction.atomic(using="web")
def configuration_publish(*, version: int, document: Any) -> WebConfiguration:
    """Put a version of the document into force; web processes obey it within five seconds, quotes at once.

    Cached rates are dropped, since rates that follow from others follow by the configuration's base currency.

    Raises:
        exchanger.kernel.documents.InvalidDocument: nothing was changed.
    """
    configuration, before = PUBLISHED.put(version=version, document=document)
    pairs = set(configuration.pairs) | _pairs_of(before)
    invalidate_on_commit([key for pair in pairs for key in RATES.deletable_keys(pair.code)], using="web")
    transaction.on_commit(forget_recent, using="web")
    return configuration


def _pairs_of(row: Published | None) -> set[Pair]:
    try:
        return set() if row is None else set(WebConfiguration.parse(row.version, row.document).pairs)
    except InvalidDocument:
        return set()  # nothing was cached on the strength of it
