"""The bot's configuration, typed: how it words things, what it tells, at which pace, and how long it waits."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

from bot.document import DocumentSerializer
from bot.models import PublishedConfiguration
from exchanger.kernel.documents import InvalidDocument
from exchanger.kernel.published import PublishedDocument, RecentCopy

logger = logging.getLogger(__name__)

KEY = "telegram"


@dataclass(frozen=True, slots=True)
class BotConfiguration:
    """One published version; ``version`` 0 is the code's own.

    ``texts`` are templates by language and key, where they are not the code's. ``dialogue_timeout`` is how long a
    dialogue waits for a word, ``quote_timeout`` for the confirmation of a quote. ``told_events`` are those types of
    events that people are told of. ``messages_per_second`` is None where the deployment's own pace is slow enough.
    """

    version: int
    texts: Mapping[str, Mapping[str, str]]
    maintenance_mode: bool
    dialogue_timeout: timedelta
    quote_timeout: timedelta
    messages_per_second: int | None
    told_events: frozenset[str]

    @classmethod
    def parse(cls, version: int, document: Any) -> Self:
        """The configuration that a document states.

        Raises:
            exchanger.kernel.documents.InvalidDocument
        """
        form = DocumentSerializer(data=document)
        if not form.is_valid():
            raise InvalidDocument(form.errors)
        known = form.validated_data
        return cls(
            version=version,
            texts=known["texts"],
            maintenance_mode=known["maintenance_mode"],
            dialogue_timeout=timedelta(seconds=known["dialogue_timeout_seconds"]),
            quote_timeout=timedelta(seconds=known["quote_timeout_seconds"]),
            messages_per_second=known["messages_per_second"],
            told_events=frozenset(known["told_events"]),
        )


PUBLISHED = PublishedDocument(PublishedConfiguration, "bot", KEY, BotConfiguration.parse)


def read_configuration() -> BotConfiguration:
    """The configuration in force, from the database; the code's own where nothing was published, or nothing usable."""
    try:
        found = PUBLISHED.read()
    except InvalidDocument:
        logger.exception("The published configuration cannot be obeyed: the code's own is")
        found = None
    return BotConfiguration.parse(0, {}) if found is None else found


_recent = RecentCopy(read_configuration)


def recent_configuration() -> BotConfiguration:
    """The process's copy, at most five seconds old."""
    return _recent.get()


def forget_recent() -> None:
    """Let the next look see what has just been published."""
    _recent.forget()
