"""What the bot says: as operators have worded it, else as the code does."""

from uuid import UUID

from bot.configuration import recent_configuration
from bot.declared_texts import LANGUAGES, ORDER_EVENTS, TEXTS


def text_of(key: str, language: str, **values: str) -> str:
    """A declared text in a person's language, English where the bot does not speak it; ``values`` fill it in.

    Raises:
        KeyError: there is no such text, or a value that it may name is missing.
    """
    text = TEXTS[key]
    spoken = language if language in LANGUAGES else LANGUAGES[0]
    template = recent_configuration().texts.get(spoken, {}).get(key, text.templates[spoken])
    return template.format(**{name: values[name] for name in text.placeholders})


def order_number(order_id: UUID) -> str:
    """How people and texts call an order: the first eight digits of its id, in capitals."""
    return order_id.hex[:8].upper()


def order_event_text(event_type: str, order_id: UUID, language: str) -> str | None:
    """The text of an event, None where people are not told of it."""
    if event_type not in ORDER_EVENTS or event_type not in recent_configuration().told_events:
        return None
    return text_of(event_type, language, number=order_number(order_id))
