"""An example for every request and answer that has none of its own, made of its fields' examples.

A field's example is what its name usually holds (``NAMES``), else what its schema gives, else a choice, else what its
format looks like; so a new endpoint has its examples by itself.
"""

from typing import Any

MOMENT = "2026-03-02T09:30:00Z"
ID = "0b5e9f3a-6c1d-4f7e-9a52-3d8c7e1f4b60"
SESSION_ID = "9f" * 32
NAMES: dict[str, Any] = {
    "amount": "100.00",
    "close": "41.55000000",
    "currency": "USD",
    "device": "Firefox on Linux",
    "display_name": "Anna",
    "description": "Card payment",
    "exchange_rate": "41.29250000",
    "expires_at": "2026-03-02T09:40:00Z",
    "fee": "12.38",
    "from_amount": "100.00",
    "from_currency": "USD",
    "from_decimals": 2,
    "high": "41.60000000",
    "ip_address": "192.0.2.7",
    "low": "41.40000000",
    "maximum": "10000",
    "message": "A message is on its way to this address: it says what to do next.",
    "minimum": "20",
    "next": "https://exchanger.example/api/v1/orders/?cursor=W2ZhbHNlLCIyMDI2Il0%3D",
    "open": "41.50000000",
    "pair": "usd_uah",
    "payment_method": "card",
    "phone": "+380441234567",
    "previous": None,
    "quote_life_seconds": 600,
    "rate": "41.50000000",
    "session_id": SESSION_ID,
    "session_key": "k3J9vX0q5s7Yd2w8bLrT1uEzPnA6cFhG",
    "spread": "0.00500000",
    "time_zone": "Europe/Kyiv",
    "telegram_user_id": 5001,
    "to_amount": "4116.86",
    "to_currency": "UAH",
    "to_decimals": 2,
    "valid_until": None,
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
}
FORMATS: dict[str, Any] = {
    "date": "2026-03-02",
    "date-time": MOMENT,
    "decimal": "1.00000000",
    "email": "anna@example.com",
    "uri": "https://exchanger.example/",
    "uuid": ID,
}
_TYPES: dict[str, Any] = {"string": "text", "boolean": True, "integer": 1, "number": 1.5}


def add_samples(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """A hook of drf-spectacular."""
    schemas = result.get("components", {}).get("schemas", {})
    for operations in result["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                if parameter["in"] != "query":
                    parameter.setdefault("example", sample(parameter["schema"], schemas, parameter["name"]))
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for media in (media for body in bodies for media in body.get("content", {}).values()):
                if not {"example", "examples"} & media.keys():
                    media["example"] = sample(media["schema"], schemas)
    return result


def sample(schema: dict[str, Any], schemas: dict[str, Any], name: str = "") -> Any:
    """A value that the schema allows; ``name`` is the field's."""
    if "$ref" in schema:
        return sample(schemas[schema["$ref"].rpartition("/")[2]], schemas, name)
    if "enum" not in schema and _fits(schema, name):
        return NAMES[name]
    for key in ("example", "default"):
        if key in schema:
            return schema[key]
    for key in ("allOf", "oneOf", "anyOf"):
        if key in schema:
            return sample(schema[key][0], schemas, name)
    if "enum" in schema:
        return schema["enum"][0]
    return _whole(schema, schemas, name)


def _whole(schema: dict[str, Any], schemas: dict[str, Any], name: str) -> Any:
    if "properties" in schema:
        return {key: sample(value, schemas, key) for key, value in schema["properties"].items()}
    match schema.get("type"):
        case "array":
            return [sample(schema["items"], schemas, name)]
        case "object":
            values = schema.get("additionalProperties")
            return {"name": sample(values, schemas)} if isinstance(values, dict) and values else {}
    return _plain(schema, name)


def _plain(schema: dict[str, Any], name: str) -> Any:
    kind = schema.get("type", "")
    if kind == "string" and schema.get("format") in FORMATS:
        return FORMATS[schema["format"]]
    if name == "id" and kind == "string":
        return SESSION_ID
    return schema.get("minimum", _TYPES.get(kind))


def _fits(schema: dict[str, Any], name: str) -> bool:
    """Whether what the name usually holds is a value of the field's type."""
    if name not in NAMES or schema.get("format") == "uuid":
        return False
    if NAMES[name] is None:
        return schema.get("nullable") is True
    return schema.get("type") == {str: "string", int: "integer"}[type(NAMES[name])]
