"""A conversation as people read it: its newest part first, each part in the order in which it was said."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date
from uuid import UUID

from bot.messages import Said, read_message
from bot.models import Message
from exchanger.kernel.contexts import Context, require
from exchanger.kernel.pagination import keyset_chunks

PART = 50
"""Messages of a conversation that are shown at once."""

_ORDERING = ("-sent_at", "-id")


@dataclass(frozen=True, slots=True)
class Line:
    """One message; ``day`` (UTC) is set where it is the first of its day in the part."""

    message: Message
    said: Said
    day: date | None


@dataclass(frozen=True, slots=True)
class Thread:
    """A part of a conversation; ``older`` is the message before which the next part lies, None where none does."""

    lines: Sequence[Line]
    older: UUID | None
    is_newest: bool


def read_thread(conversation_id: UUID, *, before: UUID | None = None) -> Thread:
    """The part before the message ``before``, or the newest: two statements at most, however long it is.

    A ``before`` that is no message of the conversation gives the newest part.
    """
    require(Context.ADMIN)
    messages = Message.objects.filter(conversation_id=conversation_id)
    position = messages.filter(pk=before).values_list("sent_at", "id").first() if before else None
    found = next(keyset_chunks(messages, _ORDERING, PART + 1, after=position))
    part = found[:PART]
    older = part[-1].pk if len(found) > PART else None
    return Thread(_lines(part[::-1]), older, position is None)


def _lines(messages: Sequence[Message]) -> list[Line]:
    lines, last = [], None
    for message in messages:
        day = message.sent_at.astimezone(UTC).date()
        lines.append(Line(message, read_message(message.message_type, message.content), day if day != last else None))
        last = day
    return lines
