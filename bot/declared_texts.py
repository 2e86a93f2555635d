"""Every text that the bot says: by key, in each language, with what each template of it names.

Operators may word a text anew (``texts`` of the configuration); what stands here is said where they have not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter

LANGUAGES = ("en", "uk", "ru")


@dataclass(frozen=True, slots=True)
class Text:
    """The templates of a text by language, and the names that stand in braces in each of them."""

    placeholders: frozenset[str]
    templates: Mapping[str, str]


def text_problem(text: Text, template: str) -> str:
    """Why a template could not be filled in, or leaves out what must be said; empty where nothing is wrong with it."""
    known = ", ".join(f"{{{name}}}" for name in sorted(text.placeholders)) or "none"
    try:
        pieces = list(Formatter().parse(template))
    except ValueError as error:
        return f"The braces are wrong ({error}). There are: {known}; a brace itself is written twice."
    for _, name, layout, conversion in pieces:
        if name is not None and (name not in text.placeholders or layout or conversion):
            return f"There is no placeholder {{{name}{'!' + conversion if conversion else ''}}}. There are: {known}."
    if missing := text.placeholders - {name for _, name, _, _ in pieces}:
        return f"It does not say {', '.join(f'{{{name}}}' for name in sorted(missing))}."
    return ""


def _order(en: str, uk: str, ru: str) -> Text:
    return Text(frozenset({"number"}), {"en": en, "uk": uk, "ru": ru})


ORDER_EVENTS: Mapping[str, Text] = {
    "order.created": _order(
        "Order {number} is placed. Pay for it before it expires.",
        "Заявку {number} прийнято. Сплатіть її, доки вона дійсна.",
        "Заявка {number} принята. Оплатите её, пока она действует.",
    ),
    "order.paid": _order(
        "Order {number}: your payment is here.",
        "Заявка {number}: ваш платіж надійшов.",
        "Заявка {number}: ваш платёж поступил.",
    ),
    "order.processing": _order(
        "Order {number} is being processed.",
        "Заявка {number} обробляється.",
        "Заявка {number} обрабатывается.",
    ),
    "order.completed": _order(
        "Order {number} is completed: the money is on its way to you.",
        "Заявку {number} виконано: гроші вже прямують до вас.",
        "Заявка {number} выполнена: деньги уже на пути к вам.",
    ),
    "order.cancelled": _order(
        "Order {number} is cancelled.",
        "Заявку {number} скасовано.",
        "Заявка {number} отменена.",
    ),
    "order.expired": _order(
        "Order {number} has expired: no payment came in time.",
        "Термін дії заявки {number} сплив: платіж вчасно не надійшов.",
        "Срок заявки {number} истёк: платёж вовремя не поступил.",
    ),
    "order.failed": _order(
        "Order {number} could not be completed. Your money is safe: we are looking into it.",
        "Заявку {number} не вдалося виконати. Ваші гроші в безпеці: ми з'ясовуємо, що сталося.",
        "Заявку {number} не удалось выполнить. Ваши деньги в безопасности: мы выясняем, что случилось.",
    ),
    "order.refunded": _order(
        "Order {number} is refunded: your money is on its way back.",
        "За заявкою {number} повернуто кошти: вони вже прямують до вас.",
        "По заявке {number} возвращены деньги: они уже на пути к вам.",
    ),
    "payment.held": _order(
        "Order {number}: a payment came that it cannot take. Your money is safe: we are looking into it.",
        "Заявка {number}: надійшов платіж, який не може бути прийнято. Ваші гроші в безпеці: ми розбираємося.",
        "Заявка {number}: поступил платёж, который она не может принять. Ваши деньги в безопасности: мы разбираемся.",
    ),
    "refund.requested": _order(
        "Order {number}: a refund has been requested.",
        "Заявка {number}: подано запит на повернення коштів.",
        "Заявка {number}: запрошен возврат денег.",
    ),
    "refund.approved": _order(
        "Order {number}: your refund is approved, and will be sent soon.",
        "Заявка {number}: повернення коштів схвалено, незабаром надішлемо.",
        "Заявка {number}: возврат одобрен и скоро будет отправлен.",
    ),
    "refund.rejected": _order(
        "Order {number}: the refund has not been approved.",
        "Заявка {number}: повернення коштів не схвалено.",
        "Заявка {number}: возврат не одобрен.",
    ),
    "refund.succeeded": _order(
        "Order {number}: your refund has been sent.",
        "Заявка {number}: кошти вам надіслано.",
        "Заявка {number}: возврат вам отправлен.",
    ),
    "refund.failed": _order(
        "Order {number}: your refund could not be sent. Your money is safe: we are looking into it.",
        "Заявка {number}: повернути кошти не вдалося. Ваші гроші в безпеці: ми з'ясовуємо, що сталося.",
        "Заявка {number}: вернуть деньги не удалось. Ваши деньги в безопасности: мы разбираемся.",
    ),
}
"""What people may be told of their orders, by the type of the event."""

MAINTENANCE = "maintenance"
TEXTS: Mapping[str, Text] = {
    **ORDER_EVENTS,
    MAINTENANCE: Text(
        frozenset(),
        {
            "en": "We are doing some work on the exchange. Please come back a little later.",
            "uk": "Ми проводимо технічні роботи. Завітайте, будь ласка, трохи пізніше.",
            "ru": "Мы проводим технические работы. Загляните, пожалуйста, чуть позже.",
        },
    ),
}
