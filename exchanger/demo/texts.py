"""What the bot and its users say in the demo's conversations, in three languages."""

from typing import Final

from web.models import OrderStatus

LANGUAGES: Final = ("en", "uk", "ru")

GREETINGS: Final = {
    1: {
        "en": {"welcome": "Hello! I show rates and take exchange orders. Try /rates or /exchange."},
        "uk": {"welcome": "Вітаю! Я показую курси та приймаю заявки на обмін. Спробуйте /rates або /exchange."},
        "ru": {
            "welcome": "Здравствуйте! Я показываю курсы и принимаю заявки на обмен. Попробуйте /rates или /exchange."
        },
    },
    2: {
        "en": {
            "welcome": "Hello! I show rates and take exchange orders around the clock; operators answer from 9 to 21 "
            "Kyiv time. Try /rates or /exchange."
        },
        "uk": {
            "welcome": "Вітаю! Я показую курси та приймаю заявки на обмін цілодобово; оператори відповідають з 9 до 21 "
            "за Києвом. Спробуйте /rates або /exchange."
        },
        "ru": {
            "welcome": "Здравствуйте! Я показываю курсы и принимаю заявки на обмен круглосуточно; операторы отвечают "
            "с 9 до 21 по Киеву. Попробуйте /rates или /exchange."
        },
    },
}
"""How the bot greeted, by the version of its configuration at that time."""

WORDED: Final[dict[int, dict[str, dict[str, str]]]] = {
    1: {},
    2: {
        "en": {"maintenance": "We are doing some work. Our operators answer from 9 to 21 Kyiv time."},
        "uk": {"maintenance": "Ми проводимо технічні роботи. Оператори відповідають з 9 до 21 за Києвом."},
        "ru": {"maintenance": "Мы проводим технические работы. Операторы отвечают с 9 до 21 по Киеву."},
    },
}
"""The bot's texts that operators have worded anew, by version of its configuration."""

SAID: Final[dict[str, dict[str, str]]] = {
    "linked": {
        "en": "Your account is linked, {name}. I will tell you how your orders go.",
        "uk": "Ваш обліковий запис прив'язано, {name}. Я повідомлятиму, як просуваються ваші заявки.",
        "ru": "Ваша учётная запись привязана, {name}. Я буду сообщать, как продвигаются ваши заявки.",
    },
    "rates": {
        "en": "Rates for {day}:",
        "uk": "Курси на {day}:",
        "ru": "Курсы на {day}:",
    },
    "which_from": {
        "en": "Which currency do you give?",
        "uk": "Яку валюту віддаєте?",
        "ru": "Какую валюту отдаёте?",
    },
    "which_to": {
        "en": "And which do you want?",
        "uk": "А яку хочете отримати?",
        "ru": "А какую хотите получить?",
    },
    "how_much": {
        "en": "How much {currency}?",
        "uk": "Скільки {currency}?",
        "ru": "Сколько {currency}?",
    },
    "confirm": {
        "en": "{amount} {source} → {net} {target}, at {rate}, fee {fee} {target} included. Is that right?",
        "uk": "{amount} {source} → {net} {target} за курсом {rate}, комісію {fee} {target} враховано. Усе правильно?",
        "ru": "{amount} {source} → {net} {target} по курсу {rate}, комиссия {fee} {target} учтена. Всё верно?",
    },
    "yes": {"en": "Yes", "uk": "Так", "ru": "Да"},
    "no": {"en": "No", "uk": "Ні", "ru": "Нет"},
    "created": {
        "en": "Order {order} is made. Please pay within {minutes} minutes.",
        "uk": "Заявку {order} створено. Сплатіть її, будь ласка, протягом {minutes} хвилин.",
        "ru": "Заявка {order} создана. Оплатите её, пожалуйста, в течение {minutes} минут.",
    },
    "no_orders": {
        "en": "To see your orders, link your account: /link",
        "uk": "Щоб бачити свої заявки, прив'яжіть обліковий запис: /link",
        "ru": "Чтобы видеть свои заявки, привяжите учётную запись: /link",
    },
    "help": {
        "en": "/rates – rates\n/exchange – a new order\n/orders – your orders\n/cancel – stop what we are doing",
        "uk": "/rates – курси\n/exchange – нова заявка\n/orders – ваші заявки\n/cancel – припинити поточну дію",
        "ru": "/rates – курсы\n/exchange – новая заявка\n/orders – ваши заявки\n/cancel – прекратить текущее действие",
    },
}
"""What the bot answers, and the client's own "yes"."""

NEWS: Final[dict[OrderStatus, dict[str, str]]] = {
    OrderStatus.PAID: {
        "en": "Order {order}: we have received {amount} {source}.",
        "uk": "Заявка {order}: ми отримали {amount} {source}.",
        "ru": "Заявка {order}: мы получили {amount} {source}.",
    },
    OrderStatus.COMPLETED: {
        "en": "Order {order} is completed: {net} {target} is on its way to you.",
        "uk": "Заявку {order} виконано: {net} {target} вже прямують до вас.",
        "ru": "Заявка {order} выполнена: {net} {target} уже на пути к вам.",
    },
    OrderStatus.CANCELLED: {
        "en": "Order {order} is cancelled.",
        "uk": "Заявку {order} скасовано.",
        "ru": "Заявка {order} отменена.",
    },
    OrderStatus.EXPIRED: {
        "en": "Order {order} has expired: it was not paid in time.",
        "uk": "Термін дії заявки {order} сплив: її не було вчасно сплачено.",
        "ru": "Срок заявки {order} истёк: она не была оплачена вовремя.",
    },
    OrderStatus.FAILED: {
        "en": "Order {order} has failed. An operator will write to you.",
        "uk": "Заявку {order} не вдалося виконати. Оператор вам напише.",
        "ru": "Заявку {order} не удалось выполнить. Оператор вам напишет.",
    },
    OrderStatus.REFUNDED: {
        "en": "Order {order} is refunded: {amount} {source} is on its way back to you.",
        "uk": "За заявкою {order} повернуто кошти: {amount} {source} вже прямують до вас.",
        "ru": "По заявке {order} возвращены деньги: {amount} {source} уже на пути к вам.",
    },
}
"""What a client is told when their order comes to a status; of the others nobody is told."""
