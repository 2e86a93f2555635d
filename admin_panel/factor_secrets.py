"""The secrets of operators' second factors, as the database holds them: encrypted, and each bound to its person.

The key is a setting, so a dump of the database makes no codes. A secret that is copied to another person's row does
not open there.
"""

import base64
import hashlib
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from exchanger.kernel.refusals import Refused


class UnreadableSecret(Refused):
    """A stored secret was encrypted with a key that OPERATORS_FACTOR_SECRET no longer names, or for somebody else."""

    codes = {
        409: {
            "unreadable_factor": "This second factor cannot be read any more: give a recovery code, or have it reset."
        }
    }

    def __init__(self) -> None:
        super().__init__("unreadable_factor", self.codes[409]["unreadable_factor"], status=409)


def encrypted(secret: str, *, user_id: UUID) -> str:
    return _fernet().encrypt(f"{user_id} {secret}".encode()).decode()


def decrypted(stored: str, *, user_id: UUID) -> str:
    """The secret in base32.

    Raises:
        UnreadableSecret
    """
    try:
        owner, _, secret = _fernet().decrypt(stored.encode()).decode().partition(" ")
    except InvalidToken:
        raise UnreadableSecret from None
    if owner != str(user_id):
        raise UnreadableSecret
    return secret


def _fernet() -> MultiFernet:
    """The first key encrypts, all decrypt."""
    return MultiFernet([Fernet(_key(text)) for text in settings.OPERATORS_FACTOR_SECRETS])


def _key(text: str) -> bytes:
    """A long random text as the 32 bytes that Fernet wants; nothing slow, because nobody can guess it."""
    return base64.urlsafe_b64encode(hashlib.sha256(f"operators' second factor {text}".encode()).digest())
