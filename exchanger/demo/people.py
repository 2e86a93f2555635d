"""The people of the demo: two of the staff, three clients with a known password, and thirty more without one."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.utils.text import slugify
from faker import Faker
from faker.decode import unidecode

from exchanger.demo.accounts import CLIENT, DMITRY, EMMA, OPERATOR, VIEWER
from exchanger.demo.ids import demo_id, stream

OPERATOR_JOINED: Final = timedelta(days=120)
"""How long before the demo's anchor the operator joined; the row's ``created_at`` is how the anchor is remembered."""

# Far above any id that Telegram has given out: a bot with a real token must not write to strangers.
FIRST_TELEGRAM_ID: Final = 900_000_000_000
OTHER_CLIENTS: Final = 30

# Faker's own Slavic first names are those of another century.
_FIRST_NAMES: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "uk": {
        "female": ("Олена", "Наталія", "Ірина", "Оксана", "Юлія", "Тетяна", "Софія", "Марія"),
        "male": ("Андрій", "Олександр", "Максим", "Богдан", "Тарас", "Ігор", "Роман", "Дмитро"),
    },
    "en": {
        "female": ("Charlotte", "Olivia", "Hannah", "Grace", "Lucy", "Sophie"),
        "male": ("James", "Oliver", "Thomas", "Daniel", "Jack", "Samuel"),
    },
    "ru": {
        "female": ("Анна", "Екатерина", "Мария", "Ольга", "Светлана", "Виктория"),
        "male": ("Сергей", "Алексей", "Павел", "Артём", "Михаил", "Игорь"),
    },
}
_LOCALES: Final = {"uk": "uk_UA", "en": "en_GB", "ru": "ru_RU"}
_LANGUAGES: Final = ("uk", "uk", "ru", "uk", "en", "uk")  # who comes next speaks the next of these
# Numbers of the ranges that are kept for fiction, or in their manner where a country keeps none.
_HOMES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "uk": (
        ("Europe/Kyiv", "+380 67 555 {:04}"),
        ("Europe/Kyiv", "+380 50 555 {:04}"),
        ("Europe/Warsaw", "+48 555 {:06}"),
    ),
    "en": (("Europe/London", "+44 7700 90{:04}"), ("Europe/Dublin", "+353 20 910 {:04}")),
    "ru": (
        ("Europe/Kyiv", "+380 63 555 {:04}"),
        ("Europe/Riga", "+371 20 55{:04}"),
        ("Asia/Almaty", "+7 700 555 {:04}"),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with an account; ``key`` is what their id and chances are made from."""

    key: str
    email: str
    name: str
    language: str
    time_zone: str
    phone: str
    joined_at: datetime
    telegram_user_id: int | None = None

    @property
    def id(self) -> UUID:
        return demo_id("user", self.key)


@dataclass(frozen=True, slots=True)
class People:
    """Everybody, the clients in a fixed order: the three of the table of logins first."""

    operator: Person
    viewer: Person
    clients: tuple[Person, ...]

    @property
    def staff(self) -> tuple[Person, Person]:
        return (self.operator, self.viewer)

    @property
    def everybody(self) -> tuple[Person, ...]:
        return (*self.staff, *self.clients)


def make_people(anchor: datetime) -> People:
    """The people as they are at ``anchor``, when the demo was first made."""
    return People(
        operator=Person(
            key="operator", email=OPERATOR.email, name="Марина Савченко", language="uk", time_zone="Europe/Kyiv",
            phone="+380 44 555 0100", joined_at=anchor - OPERATOR_JOINED,
        ),
        viewer=Person(
            key="viewer", email=VIEWER.email, name="Paul Whitfield", language="en", time_zone="Europe/London",
            phone="+44 7700 900100", joined_at=anchor - timedelta(days=88, hours=3),
        ),
        clients=(*_named_clients(anchor), *_other_clients(anchor)),
    )  # fmt: skip


def _named_clients(anchor: datetime) -> Iterator[Person]:
    yield Person(
        key="client", email=CLIENT.email, name="Ольга Мельник", language="uk", time_zone="Europe/Kyiv",
        phone="+380 67 555 0101", joined_at=anchor - timedelta(days=112, hours=5), telegram_user_id=FIRST_TELEGRAM_ID,
    )  # fmt: skip
    yield Person(
        key="emma", email=EMMA.email, name="Emma Hughes", language="en", time_zone="Europe/London",
        phone="+44 7700 900102", joined_at=anchor - timedelta(days=104, hours=9),
    )  # fmt: skip
    yield Person(
        key="dmitry", email=DMITRY.email, name="Дмитрий Соколов", language="ru", time_zone="Europe/Riga",
        phone="+371 20 550103", joined_at=anchor - timedelta(days=97, hours=2), telegram_user_id=FIRST_TELEGRAM_ID + 1,
    )  # fmt: skip


def _other_clients(anchor: datetime) -> Iterator[Person]:
    fakers = {language: Faker(locale) for language, locale in _LOCALES.items()}
    for number in range(OTHER_CLIENTS):
        chances = stream("person", number)
        language = _LANGUAGES[number % len(_LANGUAGES)]
        faker = fakers[language]
        faker.seed_instance(f"person:{number}")
        gender = chances.choice(("female", "male"))
        first_name = chances.choice(_FIRST_NAMES[language][gender])
        last_name = faker.last_name_female() if gender == "female" else faker.last_name_male()
        time_zone, phone = chances.choice(_HOMES[language])
        # Half were there before the first order, the others came one by one.
        days = 95 + number if number < OTHER_CLIENTS // 2 else 5 * (OTHER_CLIENTS - number)
        yield Person(
            key=f"client-{number}",
            email=f"{slugify(unidecode(first_name))}.{slugify(unidecode(last_name))}{number + 10}@mail.example",
            name=f"{first_name} {last_name}",
            language=language,
            time_zone=time_zone,
            phone=phone.format(110 + number),
            joined_at=anchor - timedelta(days=days, minutes=chances.randrange(24 * 60)),
            telegram_user_id=FIRST_TELEGRAM_ID + 2 + number if number % 3 == 0 else None,
        )
