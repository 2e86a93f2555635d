"""Django ties a session to the password of its day: an old one of a former password must stay dead."""

from collections.abc import Sequence

from django.utils.crypto import constant_time_compare, salted_hmac

_SALT = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"
NO_SECRET_KEY = "EXCHANGER_LEGACY_SECRET_KEYS is not set"  # noqa: S105


def is_of_password(auth_hash: str, password_hash: str, secret_keys: Sequence[str]) -> bool:
    """Whether a session with this hash was opened with the password that is stored so; as Django 3.1 and later do."""
    made = (salted_hmac(_SALT, password_hash, secret=secret, algorithm="sha256").hexdigest() for secret in secret_keys)
    return any(constant_time_compare(auth_hash, each) for each in made)
