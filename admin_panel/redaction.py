"""What the audit trail never keeps: values whose name says that they are secret."""

import json
import re
from collections.abc import Mapping
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

REDACTED = "[redacted]"

# A name is secret when one of its words is, as in smtp_password or botToken, or when it ends with one of the names.
SECRET_WORDS = frozenset(
    {"password", "passwd", "passphrase", "secret", "token", "otp", "pin", "cvv", "credential", "credentials", "cookie"}
)
SECRET_NAMES = ("session_key", "session_data", "api_key", "private_key", "secret_key", "access_key", "auth_hash")

_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+")


def is_secret(name: str) -> bool:
    words = [word.lower() for word in _WORD.findall(name)]
    return not SECRET_WORDS.isdisjoint(words) or "_".join(words).endswith(SECRET_NAMES)


def redacted(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """``values`` as JSON that PostgreSQL can keep, with every secret in it, however deep, replaced by REDACTED."""
    if values is None:
        return None
    plain: dict[str, Any] = _clean(json.loads(json.dumps(values, cls=DjangoJSONEncoder)))
    return plain


def storable(text: str) -> str:
    """``text`` as PostgreSQL can keep it: neither NUL nor half of a surrogate pair."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {storable(name): REDACTED if is_secret(name) else _clean(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return storable(value) if isinstance(value, str) else value
