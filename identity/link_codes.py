"""One-time codes that link a Telegram account: how they are made, read as people type them, and kept.

A code is 12 of 32 symbols, 60 bits, and lives for ten minutes. Were a hundred thousand alive at any time, ten thousand
guesses a second would hit one in some forty years. So guesses are counted per Telegram account alone
(``identity.services.throttling``); a count of all together would only let anybody keep everybody from linking. A dump
of the table holds hashes of codes that are dead long before 60 bits are searched.
"""

import hashlib
import secrets
from datetime import timedelta

LIFE = timedelta(minutes=10)
_SYMBOLS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # no 0, 1, I and O, which people confuse
_LENGTH = 12


def make_code() -> str:
    """A new code, as it stands in a deep link: capitals and digits only."""
    return "".join(secrets.choice(_SYMBOLS) for _ in range(_LENGTH))


def read_code(typed: str) -> str:
    """The code that somebody typed: small letters, spaces and hyphens are theirs to use."""
    return "".join(typed.split()).replace("-", "").upper()


def code_hash(code: str) -> str:
    """What the table knows a code by: its SHA-256, in hex."""
    return hashlib.sha256(code.encode(errors="surrogatepass")).hexdigest()


def is_code(text: str) -> bool:
    """Whether a text looks like a code as a deep link has it, be it a living one or not."""
    return len(text) == _LENGTH and set(text) <= set(_SYMBOLS)
