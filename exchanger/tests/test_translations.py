"""The catalogues of what is said to people hold every text in every language, and are compiled from what they say."""

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
APPS = sorted(path.parent.name for path in CHECKOUT.glob("[!.]*/locale"))
KEYWORDS = {"_": None, "gettext_lazy": None}


def catalogue(app: str, language: str) -> Catalog:
    with (CHECKOUT / app / "locale" / language / "LC_MESSAGES" / "django.po").open("rb") as file:
        return read_po(file)


def texts(app: str) -> set[str]:
    """Every text that the app marks for translation."""
    modules = [path for path in (CHECKOUT / app).rglob("*.py") if not {"tests", "migrations"} & set(path.parts)]
    return {text for path in modules for _, text, *_ in extract_from_file("python", path, keywords=KEYWORDS)}


def fields(text: str) -> set[str | None]:
    return {field for _, field, *_ in string.Formatter().parse(text) if field is not None}


def test_people_are_written_to_by_mail_and_in_the_chat() -> None:
    assert APPS == ["bot", "identity"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("app", APPS)
def test_every_text_is_translated_and_nothing_else_is(app: str, language: str) -> None:
    messages = [message for message in catalogue(app, language) if message.id]
    assert {message.id for message in messages} == texts(app)
    for message in messages:
        assert message.string.strip(), message.id
        assert not message.fuzzy, message.id
        assert fields(message.string) == fields(message.id)
        assert message.string[-1] == message.id[-1] or message.id[-1].isalpha(), message.id


@pytest.mark.parametrize("app", APPS)
def test_there_is_something_to_translate(app: str) -> None:
    assert len(texts(app)) > 20


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("app", APPS)
def test_the_compiled_catalogue_is_up_to_date(app: str, language: str) -> None:
    fresh = io.BytesIO()
    write_mo(fresh, catalogue(app, language))
    compiled = CHECKOUT / app / "locale" / language / "LC_MESSAGES" / "django.mo"
    assert compiled.read_bytes() == fresh.getvalue(), f"run .venv/bin/pybabel compile -d {app}/locale -D django"
