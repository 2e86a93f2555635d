"""Updates as Telegram's Bot API has them, read without taking anything for granted that it may leave out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from bot.messages import MEDIA

KINDS = ("message", "edited_message", "callback_query", "my_chat_member")
"""The kinds of updates that the bot asks Telegram for, and handles."""

PRIVATE = "private"
_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class ReceivedUpdate:
    """An update as it is kept: ``body`` is the whole of it."""

    update_id: int
    chat_id: int
    kind: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Press:
    """A button that somebody pressed: ``query_id`` is what Telegram wants an answer to."""

    query_id: str
    data: str
    label: str


@dataclass(frozen=True, slots=True)
class Incoming:
    """What has happened in a chat. ``update_id`` is the same however often a handler is tried: what it asks of others
    once can be keyed by it.

    ``fields`` are Telegram's of the message; ``message_id`` of a press is the message's whose button it was, and
    ``media`` Telegram's name of what a message carries beside text. ``member`` is what the bot has become in the chat.
    """

    update_id: int
    kind: str
    chat_id: int
    is_private: bool
    is_bots: bool
    language_code: str
    message_id: int
    text: str
    media: str
    fields: Mapping[str, Any]
    press: Press | None
    member: str


def read_update(found: Any) -> ReceivedUpdate | None:
    """An update of one of our kinds, with what PostgreSQL cannot keep taken out; None for everything else."""
    if not isinstance(found, dict) or not _is_id(found.get("update_id")) or found["update_id"] < 0:
        return None
    kind = next((kind for kind in KINDS if isinstance(found.get(kind), dict)), None)
    if kind is None:
        return None
    chat_id = _chat(kind, found[kind]).get("id")
    return ReceivedUpdate(found["update_id"], chat_id, kind, _storable(found)) if _is_id(chat_id) else None


def read_incoming(update: ReceivedUpdate) -> Incoming:
    """What an update says."""
    content = _object(update.body.get(update.kind))
    sender, chat = _object(content.get("from")), _chat(update.kind, content)
    press = update.kind == "callback_query"
    message = _object(content.get("message")) if press else content
    message_id = message.get("message_id")
    return Incoming(
        update_id=update.update_id,
        kind=update.kind,
        chat_id=update.chat_id,
        # A private chat has its person's own number.
        is_private=chat.get("type", PRIVATE) == PRIVATE and update.chat_id > 0,
        is_bots=sender.get("is_bot") is True,
        language_code=_text(sender.get("language_code")),
        message_id=message_id if _is_id(message_id) else 0,
        text=_text(message.get("text")),
        media=next((name for name in MEDIA if name in message), ""),
        fields=message,
        press=_press(content, message) if press else None,
        member=_text(_object(content.get("new_chat_member")).get("status")),
    )


def _press(query: Mapping[str, Any], message: Mapping[str, Any]) -> Press:
    data = _text(query.get("data"))
    return Press(_text(query.get("id")), data, _label(message, data))


def _label(message: Mapping[str, Any], data: str) -> str:
    """What stands on the button of ``message`` that carries ``data``."""
    rows = _object(message.get("reply_markup")).get("inline_keyboard")
    for row in rows if isinstance(rows, list) else []:
        for button in row if isinstance(row, list) else []:
            if isinstance(button, dict) and button.get("callback_data") == data:
                return _text(button.get("text"))
    return ""


def _chat(kind: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The chat of an update; a press without its message is of its person's own chat."""
    if kind != "callback_query":
        return _object(content.get("chat"))
    return _object(_object(content.get("message")).get("chat")) or {"id": _object(content.get("from")).get("id")}


def _storable(value: Any) -> Any:
    """Without NUL, which PostgreSQL has no place for, and without halves of characters."""
    match value:
        case str():
            return value.replace("\0", "").encode("utf-8", "replace").decode()
        case dict():
            return {_storable(name): _storable(each) for name, each in value.items()}
        case list():
            return [_storable(each) for each in value]
        case _:
            return value


def _is_id(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST_ID


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
