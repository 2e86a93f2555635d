"""Which language a chat is answered in."""

from typing import Final

from django.conf import settings

NAMES: Final[dict[str, str]] = dict(settings.LANGUAGES)


def spoken(*wishes: str) -> str:
    """The first of the wishes that the bot speaks, such as ``uk`` of ``uk-UA``; English where it is none of them."""
    known = (wish.lower().partition("-")[0] for wish in wishes)
    return next((code for code in known if code in NAMES), settings.LANGUAGE_CODE)
