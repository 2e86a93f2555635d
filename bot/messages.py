"""What a row of ``messages`` holds: declared here for who writes it, and read here for who shows it.

``content`` is the message as Telegram's Bot API has it (``text``, ``caption``, ``photo``, ``document``,
``reply_markup`` …), with one name of ours beside: ``direction``. ``message_type`` is a MessageType or, for what is sent
beside text, Telegram's own name of it. A button that somebody pressed is of type ``callback``: its ``data`` is what
the button carries, and ``text`` what stood on it.

What people send is kept as it came, so nothing in ``content`` is taken for granted here.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

TEXT_LIMIT = 4096
"""What Telegram lets a message's text have, in UTF-16 code units; of what is kept, as many characters are shown."""

MEDIA: Mapping[str, str] = {
    "photo": "Photo",
    "video": "Video",
    "video_note": "Video message",
    "animation": "Animation",
    "voice": "Voice message",
    "audio": "Audio",
    "document": "File",
    "sticker": "Sticker",
    "location": "Location",
    "venue": "Place",
    "contact": "Contact",
    "poll": "Poll",
    "dice": "Dice",
}
"""What a message can carry beside text, by Telegram's name of it, and what people call it."""

_NAMES = ("file_name", "title", "emoji", "question", "phone_number")  # what tells one such thing from another


class Direction(StrEnum):
    """``IN`` is from the person, ``OUT`` from the bot."""

    IN = "in"
    OUT = "out"


class MessageType(StrEnum):
    TEXT = "text"
    CALLBACK = "callback"


@dataclass(frozen=True, slots=True)
class Said:
    """A message as people read it; ``media`` is a placeholder, and ``buttons`` are rows of what stands on them."""

    direction: Direction
    text: str
    media: str
    buttons: tuple[tuple[str, ...], ...]
    pressed: str | None  # what a pressed button carries
    is_command: bool


def message_content(direction: Direction, **fields: Any) -> dict[str, Any]:
    """The ``content`` of a message with Telegram's ``fields``."""
    return {**fields, "direction": direction.value}


def is_sendable(text: str) -> bool:
    """Whether Telegram takes ``text`` as a message."""
    return bool(text.strip()) and len(text.encode("utf-16-le", "surrogatepass")) // 2 <= TEXT_LIMIT


def read_message(message_type: str, content: Any) -> Said:
    """What a row says, whatever is in it; what cannot be read is shown as the JSON that it is."""
    fields = content if isinstance(content, dict) else {}
    direction = Direction.OUT if fields.get("direction") == Direction.OUT else Direction.IN
    text, media = _text(fields.get("text")) or _text(fields.get("caption")), _media(fields)
    pressed = _text(fields.get("data")) if message_type == MessageType.CALLBACK else None
    buttons = tuple(_buttons(fields.get("reply_markup")))
    if not (text or media or pressed or buttons):
        text = _shortened(json.dumps(content, ensure_ascii=False))
    is_command = direction is Direction.IN and pressed is None and text.startswith("/")
    return Said(direction, text, media, buttons, pressed, is_command)


def _text(value: Any) -> str:
    return _shortened(value) if isinstance(value, str) else ""


def _shortened(text: str) -> str:
    return text if len(text) <= TEXT_LIMIT else f"{text[:TEXT_LIMIT]}…"


def _media(fields: Mapping[str, Any]) -> str:
    # A place comes with its location, and an animation with a document, so the more telling name is first.
    for name in sorted(MEDIA.keys() & fields.keys(), key=lambda name: (name in ("location", "document"), name)):
        details = fields[name] if isinstance(fields[name], dict) else {}
        told = next((_text(details[key]) for key in _NAMES if _text(details.get(key))), "")
        return f"{MEDIA[name]}: {told}" if told else MEDIA[name]
    return ""


def _buttons(markup: Any) -> Iterator[tuple[str, ...]]:
    """Those below the message, and those that replace the keyboard."""
    if not isinstance(markup, dict):
        return
    for name in ("inline_keyboard", "keyboard"):
        rows = markup.get(name)
        for row in rows if isinstance(rows, list) else []:
            told = tuple(_label(button) for button in row) if isinstance(row, list) else ()
            if any(told):
                yield tuple(label for label in told if label)


def _label(button: Any) -> str:
    return _text(button.get("text")) if isinstance(button, dict) else _text(button)
