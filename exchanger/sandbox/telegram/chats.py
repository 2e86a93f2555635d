"""The people whom the bot knows, the messages that it sent them, and what it may have asked them."""

import json
import time
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from exchanger.sandbox.telegram.errors import bad_request, forbidden

MOST_CHARACTERS = 4096
HTML_TAGS = {"b", "strong", "i", "em", "u", "s", "code", "pre", "a", "blockquote", "tg-spoiler"}


@dataclass(slots=True)
class Person:
    """Somebody with a private chat, whose id is theirs."""

    id: int
    first_name: str = "Anna"
    language_code: str = "en"
    blocked: bool = False
    deactivated: bool = False

    @property
    def user(self) -> dict[str, Any]:
        return {"id": self.id, "is_bot": False, "first_name": self.first_name, "language_code": self.language_code}

    @property
    def chat(self) -> dict[str, Any]:
        return {"id": self.id, "type": "private", "first_name": self.first_name}


@dataclass(slots=True)
class Chats:
    """``anybody`` means that every number is somebody's; else only those in ``people`` have written to the bot."""

    bot: dict[str, Any]
    anybody: bool = False
    people: dict[int, Person] = field(default_factory=dict)
    messages: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)
    _last_id: int = 0

    def person(self, chat_id: int) -> Person:
        """Somebody who can be written to.

        Raises:
            ApiError: nobody has this number, or they cannot.
        """
        person = self.people.get(chat_id)
        if person is None:
            if not self.anybody:
                raise bad_request("chat not found")
            person = self.people[chat_id] = Person(chat_id)
        if person.deactivated:
            raise forbidden("user is deactivated")
        if person.blocked:
            raise forbidden("bot was blocked by the user")
        return person

    def send(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """``sendMessage``."""
        person = self.person(_number(parameters, "chat_id", "chat_id is empty"))
        return self.add(person, self.bot, **_content(parameters))

    def edit(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """``editMessageText``."""
        person = self.person(_number(parameters, "chat_id", "chat_id is empty"))
        number = _number(parameters, "message_id", "message identifier is not specified")
        message = self.messages.get((person.id, number))
        if message is None or message["from"] != self.bot:
            raise bad_request("message to edit not found")
        content = _content(parameters)
        if {name: message.get(name) for name in ("text", "reply_markup")} == {"reply_markup": None, **content}:
            raise bad_request(
                "message is not modified: specified new message content and reply markup are exactly the same as a"
                " current content and reply markup of the message"
            )
        message.pop("reply_markup", None)
        message |= {**content, "edit_date": int(time.time())}
        return message

    def add(self, person: Person, sender: dict[str, Any], **content: Any) -> dict[str, Any]:
        """A new message of a person's chat."""
        self._last_id += 1
        message = {
            "message_id": self._last_id, "from": sender, "chat": person.chat, "date": int(time.time()), **content
        }  # fmt: skip
        self.messages[person.id, self._last_id] = message
        return message


def _number(parameters: dict[str, Any], name: str, otherwise: str) -> int:
    try:
        return int(parameters[name])
    except (KeyError, ValueError):
        raise bad_request(otherwise) from None


def _content(parameters: dict[str, Any]) -> dict[str, Any]:
    """Text and keyboard, as Telegram takes them."""
    text = str(parameters.get("text", "")).strip()
    match parameters.get("parse_mode"):
        case None:
            pass
        case "HTML":
            text = _Markup.plain(text)
        case other:
            raise bad_request(f"this server knows no parse_mode {other}")
    if not text:
        raise bad_request("message text is empty")
    if len(text) > MOST_CHARACTERS:
        raise bad_request("message is too long")
    content: dict[str, Any] = {"text": text}
    if markup := parameters.get("reply_markup"):
        content["reply_markup"] = json.loads(markup) if isinstance(markup, str) else markup
    return content


class _Markup(HTMLParser):
    """Telegram's HTML: known tags, each closed."""

    def __init__(self) -> None:
        super().__init__()
        self._open: list[str] = []
        self._text: list[str] = []

    @classmethod
    def plain(cls, text: str) -> str:
        """The text without its tags; raises ApiError where they are wrong."""
        markup = cls()
        markup.feed(text)
        markup.close()
        if markup._open:
            raise bad_request(
                f"can't parse entities: Can't find end tag corresponding to start tag \"{markup._open[-1]}\""
            )
        return "".join(markup._text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in HTML_TAGS:
            raise bad_request(f'can\'t parse entities: Unsupported start tag "{tag}"')
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            raise bad_request(f'can\'t parse entities: Unexpected end tag "{tag}"')

    def handle_data(self, data: str) -> None:
        self._text.append(data)
