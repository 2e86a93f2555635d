"""The conversations of the bot: what was said, which commands were given, and whom it told about their orders."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final

from bot.messages import Direction, MessageType
from bot.models import BroadcastStatus
from exchanger.demo.broadcasts import CIRCULARS, Circular
from exchanger.demo.documents import TELEGRAM_PUBLISHED
from exchanger.demo.ids import stream
from exchanger.demo.market import HISTORY
from exchanger.demo.orders import QUOTE_LIFE, Story
from exchanger.demo.people import FIRST_TELEGRAM_ID, Person
from exchanger.demo.plan import Plan
from exchanger.demo.texts import GREETINGS, LANGUAGES, NEWS, SAID
from web.models import OrderStatus

STRANGERS: Final = 6
"""Conversations with people who have not linked an account."""

NOT_YET_SENT: Final = timedelta(minutes=10)
"""News younger than this at the anchor still wait to be sent."""

_FIRST_STRANGER: Final = FIRST_TELEGRAM_ID + 500
_CHOOSING: Final = "client-0"  # is in the middle of a dialogue at the anchor
_SHOWN: Final = (("USD", "UAH"), ("EUR", "UAH"), ("USDT", "UAH"))
_ANSWERS: Final = timedelta(seconds=1)
_HOUR: Final = timedelta(hours=1)
_YES: Final = "exchange:yes"
_NO: Final = "exchange:no"
_PROOFS: Final[tuple[tuple[str, Mapping[str, Any]], ...]] = (
    ("photo", {"photo": [{"file_id": "demo", "width": 720, "height": 1280}], "caption": "👍"}),
    ("document", {"document": {"file_id": "demo", "file_name": "receipt.pdf", "mime_type": "application/pdf"}}),
)


@dataclass(frozen=True, slots=True)
class Said:
    """One message; ``fields`` are what Telegram has of it beside the text."""

    at: datetime
    direction: Direction
    text: str
    type: str = MessageType.TEXT
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class News:
    """What a client was told, or is yet to be told when ``sent_at`` is None, about an order's new status."""

    at: datetime
    story: Story
    status: OrderStatus
    text: str
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Broadcasted:
    """A broadcast's message to a client, sent, given up, or held back."""

    at: datetime
    circular: Circular
    text: str
    sent_at: datetime | None
    dead_at: datetime | None = None


@dataclass(slots=True)
class Chat:
    """One conversation, with a linked client or, where ``person`` is None, with a stranger."""

    telegram_user_id: int
    person: Person | None
    language: str
    state: str = "idle"
    context: dict[str, Any] = field(default_factory=dict)
    said: list[Said] = field(default_factory=list)
    news: list[News] = field(default_factory=list)
    broadcasted: list[Broadcasted] = field(default_factory=list)
    blocked_at: datetime | None = None

    def asked(
        self, at: datetime, text: str, answer: str, *, offered: Mapping[str, str] | None = None, pressed: str = ""
    ) -> None:
        """The person wrote ``text``, or pressed the button ``pressed`` of that name, and the bot answered.

        ``offered`` are the buttons below the answer: what each carries, and what stands on it.
        """
        kind, told = (MessageType.CALLBACK, {"data": pressed}) if pressed else (MessageType.TEXT, {})
        keys = [[{"text": label, "callback_data": data} for data, label in (offered or {}).items()]]
        markup = {"reply_markup": {"inline_keyboard": keys}} if offered else {}
        self.said += [
            Said(at, Direction.IN, text, kind, told),
            Said(at + _ANSWERS, Direction.OUT, answer, fields=markup),
        ]

    def phrase(self, phrase: str, /, **values: object) -> str:
        return SAID[phrase][self.language].format(**values)


def make_chats(plan: Plan) -> list[Chat]:
    """All conversations, each with its messages in order."""
    chats = [*_with_clients(plan), *_with_strangers(plan)]
    for circular in CIRCULARS:
        _broadcast(circular, [chat for chat in chats if chat.person], plan)
    for chat in chats:
        chat.said.sort(key=lambda said: said.at)
    return chats


def _with_clients(plan: Plan) -> Iterator[Chat]:
    for person in plan.people.clients:
        if person.telegram_user_id is None:
            continue
        chances = stream("chat", person.key)
        chat = Chat(person.telegram_user_id, person, person.language, context={"language": person.language})
        began = max(person.joined_at, plan.anchor - HISTORY) + timedelta(minutes=chances.randint(10, 200))
        _greeted(chat, plan, began)
        chat.asked(began + timedelta(seconds=50), "/link", chat.phrase("linked", name=person.name))
        orders = [story for story in plan.stories if story.client is person and story.steps[0].at > began + _HOUR]
        for story in orders:
            if chances.random() < 0.4:
                _ordered(chat, story)
                _proved(chat, story)
            _told(chat, story, plan)
        _looked(chat, plan, began, chances)
        if person.key == _CHOOSING:
            _choosing(chat, plan)
        yield chat


def _with_strangers(plan: Plan) -> Iterator[Chat]:
    for number in range(STRANGERS):
        chances = stream("stranger", number)
        language = LANGUAGES[number % len(LANGUAGES)]
        chat = Chat(_FIRST_STRANGER + number, None, language, context={"language": language})
        began = plan.anchor - timedelta(days=chances.randint(3, 80), minutes=chances.randrange(1440))
        _greeted(chat, plan, began)
        chat.asked(began + timedelta(minutes=2), "/orders", chat.phrase("no_orders"))
        _looked(chat, plan, began, chances)
        yield chat


def _greeted(chat: Chat, plan: Plan, at: datetime) -> None:
    version = max(version for version, age in TELEGRAM_PUBLISHED.items() if at >= plan.anchor - age)
    chat.asked(at, "/start", GREETINGS[version][chat.language]["welcome"])
    chat.asked(at + timedelta(seconds=25), "/help", chat.phrase("help"))


def _looked(chat: Chat, plan: Plan, began: datetime, chances: Random) -> None:
    """A look at the rates now and then."""
    span = int((plan.anchor - _HOUR - began).total_seconds())
    for _ in range(chances.randint(1, 5)):
        at = began + timedelta(seconds=chances.randrange(span))
        lines = [f"{source}/{target} {plan.rates.on((source, target), at.date()):.4f}" for source, target in _SHOWN]
        chat.asked(at, "/rates", "\n".join([chat.phrase("rates", day=at.date().isoformat()), *lines]))


def _ordered(chat: Chat, story: Story) -> None:
    """The dialogue that led to an order."""
    order, at = story.order, story.steps[0].at
    facts = _facts(story)
    offered = {_YES: chat.phrase("yes"), _NO: chat.phrase("no")}
    for seconds, text, answer in (
        (75, "/exchange", chat.phrase("which_from")),
        (58, order.from_currency, chat.phrase("which_to")),
        (44, order.to_currency, chat.phrase("how_much", currency=order.from_currency)),
    ):
        chat.asked(at - timedelta(seconds=seconds), text, answer)
    chat.asked(at - timedelta(seconds=20), facts["amount"], chat.phrase("confirm", **facts), offered=offered)
    created = chat.phrase("created", minutes=int(QUOTE_LIFE.total_seconds() // 60), **facts)
    chat.asked(at - timedelta(seconds=1), offered[_YES], created, pressed=_YES)


def _proved(chat: Chat, story: Story) -> None:
    """A picture, or a file, of the transfer, which nobody had asked for."""
    paid = story.reached(OrderStatus.PAID)
    if paid is None:
        return
    kind, fields = _PROOFS[story.number % len(_PROOFS)]
    chat.said.append(Said(paid - timedelta(seconds=45), Direction.IN, "", kind, fields))


def _choosing(chat: Chat, plan: Plan) -> None:
    chat.asked(plan.anchor - timedelta(minutes=3), "/exchange", chat.phrase("which_from"))
    chat.asked(plan.anchor - timedelta(minutes=2), "EUR", chat.phrase("which_to"))
    chat.asked(plan.anchor - timedelta(minutes=1), "UAH", chat.phrase("how_much", currency="EUR"))
    chat.state = "exchange.amount"
    chat.context |= {"from_currency": "EUR", "to_currency": "UAH"}


def _told(chat: Chat, story: Story, plan: Plan) -> None:
    for step in story.steps:
        if step.status not in NEWS:
            continue
        text = NEWS[step.status][chat.language].format(**_facts(story))
        waits = plan.anchor - step.at < NOT_YET_SENT
        sent_at = None if waits else step.at + timedelta(seconds=2)
        chat.news.append(News(step.at, story, step.status, text, sent_at))
        if sent_at is not None:
            chat.said.append(Said(sent_at, Direction.OUT, text))


def _broadcast(circular: Circular, chats: list[Chat], plan: Plan) -> None:
    """To everybody who was there, in the order of their ids, as the worker writes to them.

    Of those who had the paused one, somebody has blocked the bot, who has not been heard since.
    """
    began = plan.anchor - circular.age
    there = [chat for chat in chats if chat.person and min(said.at for said in chat.said) < began]
    if circular.status is BroadcastStatus.DRAFT:
        return
    told = sorted(there, key=lambda chat: str(chat.person and chat.person.id))
    silent = [chat for chat in told if all(said.at < began for said in chat.said)]
    blocked = silent[0] if silent and circular.sent is not None else None
    sent = 0
    for number, chat in enumerate(told):
        text, at = circular.texts[chat.language], began + timedelta(seconds=number)
        if chat is blocked:
            chat.blocked_at = at
            chat.broadcasted.append(Broadcasted(began, circular, text, None, dead_at=at))
        elif circular.sent is None or sent < circular.sent:
            sent += 1
            chat.broadcasted.append(Broadcasted(began, circular, text, at))
            chat.said.append(Said(at, Direction.OUT, text))
        else:
            chat.broadcasted.append(Broadcasted(began, circular, text, None))


def _facts(story: Story) -> dict[str, str]:
    order = story.order
    return {
        "order": f"#{str(order.id)[:8]}",
        "amount": _plain(order.amount),
        "source": order.from_currency,
        "net": _plain(story.net),
        "fee": _plain(story.fee),
        "target": order.to_currency,
        "rate": _plain(order.exchange_rate),
    }


def _plain(number: Decimal) -> str:
    """Without the zeros at its end, and never with an exponent."""
    return f"{number.normalize():f}"
