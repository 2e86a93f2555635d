"""Values are JSON. Decimals and times travel as strings, so that nothing is rounded on the way."""

from decimal import Decimal
from typing import Any

import orjson


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{type(value).__name__} is not JSON")


def encode(value: Any) -> bytes:
    """JSON bytes; raises TypeError for what JSON does not know."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z)


def decode(data: bytes | str) -> Any:
    """The value back; raises ValueError for bytes that are not JSON."""
    return orjson.loads(data)


class JSONSerializer:
    """The serializer that django-redis is configured with."""

    def __init__(self, options: dict[str, Any]) -> None:
        pass

    def dumps(self, value: Any) -> bytes:
        return encode(value)

    def loads(self, value: bytes) -> Any:
        return decode(value)
