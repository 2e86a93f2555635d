"""The catalogues of what the bot says hold every text in every language, and are compiled from what they say."""

import io
import string

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.conf import settings

from exchanger.local.paths import CHECKOUT

LANGUAGES = [code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
BOT = CHECKOUT / "bot"
REMEDY = "run .venv/bin/pybabel compile -d bot/locale -D django"


def catalogue(language: str) -> Catalog:
    with (BOT / "locale" / language / "LC_MESSAGES" / "django.po").open("rb") as file:
        return read_po(file)


def texts() -> set[str]:
    """Every text that the app marks for translation."""
    modules = [path for path in BOT.rglob("*.py") if not {"tests", "migrations"} & set(path.parts)]
    return {
        text
        for path in modules
        for _, text, *_ in extract_from_file("python", path, keywords={"_": None, "gettext_lazy": None})
    }


def fields(text: str) -> set[str | None]:
    return {field for _, field, *_ in string.Formatter().parse(text) if field is not None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated_and_nothing_else_is(language: str) -> None:
    messages = [message for message in catalogue(language) if message.id]
    assert {message.id for message in messages} == texts()
    for message in messages:
        assert message.string.strip(), message.id
        assert not message.fuzzy, message.id
        assert fields(message.string) == fields(message.id)
        assert message.string[-1] == message.id[-1] or message.id[-1].isalpha(), message.id


def test_there_is_something_to_translate() -> None:
    assert len(texts()) > 20


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_is_up_to_date(language: str) -> None:
    fresh = io.BytesIO()
    write_mo(fresh, catalogue(language))
    compiled = BOT / "locale" / language / "LC_MESSAGES" / "django.mo"
    assert compiled.read_bytes() == fresh.getvalue(), REMEDY
