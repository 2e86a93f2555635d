"""The applications whose configuration operators write, and what that takes in each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import bot.configuration
import bot.document
import bot.services.configuration
import web.configuration
import web.document
import web.services.configuration
from exchanger.kernel.contexts import Context
from exchanger.kernel.documents import StrictSerializer
from exchanger.kernel.published import Published


@dataclass(frozen=True, slots=True)
class Target:
    """Where a context's configuration goes.

    ``schema`` is its document's; ``parse`` says whether one can be obeyed, ``publish`` puts it into force, and
    ``in_force`` is what is. ``begin`` is the document to begin from where nothing is in force.
    """

    about: str
    schema: type[StrictSerializer]
    parse: Callable[[int, Any], object]
    publish: Callable[..., object]
    in_force: Callable[[], Published | None]
    begin: Callable[[], Mapping[str, Any]]


TARGETS: Mapping[Context, Target] = {
    Context.WEB: Target(
        "Pairs on offer, limits, spread and fee, ages of rates and quotes, bank accounts, maintenance.",
        web.document.DocumentSerializer,
        web.configuration.WebConfiguration.parse,
        web.services.configuration.configuration_publish,
        web.configuration.PUBLISHED.row,
        dict,
    ),
    Context.TELEGRAM: Target(
        "The bot's texts, what people are told of and at which pace, how long it waits, maintenance.",
        bot.document.DocumentSerializer,
        bot.configuration.BotConfiguration.parse,
        bot.services.configuration.configuration_publish,
        bot.configuration.PUBLISHED.row,
        bot.document.default_document,
    ),
}
