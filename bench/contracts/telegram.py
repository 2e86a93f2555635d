"""Logins by Telegram, as its Mini Apps make them."""

from random import SystemRandom

from identity.tests.init_data import init_data

_chance = SystemRandom()  # not the usual one, which hypothesis sets back to repeat itself


def credentials(telegram_id: int) -> str:
    """Init data that has not been used."""
    return init_data(telegram_id, query_id=f"AA{_chance.getrandbits(64):x}")
