"""Links from what names a thing to what can be done with it, by the API's own conventions.

``POST /quotes/`` answers with an ``id``, and so does each of the results of ``GET /quotes/``: both lead to every
operation on ``/quotes/{id}/…``.
"""

import re
from typing import Any

_ONE = re.compile(r"(?P<collection>/\S*/)(?:\{(?P<name>\w+)\})(?P<rest>/\S*)?")
_RETURNED = {"post": ("201", "$response.body#/{}"), "get": ("200", "$response.body#/results/0/{}")}


def add_links(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """A hook of drf-spectacular."""
    paths = result["paths"]
    for path, operations in paths.items():
        match = _ONE.fullmatch(path)
        if match is None:
            continue
        collection = paths.get(match["collection"]) or paths.get(match["collection"].rstrip("/")) or {}
        for operation in operations.values():
            _link(result, collection, match["name"], operation["operationId"])
    return result


def _link(result: dict[str, Any], collection: dict[str, Any], name: str, target: str) -> None:
    for method, (status, expression) in _RETURNED.items():
        response = collection.get(method, {}).get("responses", {}).get(status)
        if response is None or "{" in name:
            continue
        known = _fields(result, response, of_results=method == "get")
        field = name if name in known else "id" if name.endswith("id") and "id" in known else None
        if field is not None:
            response.setdefault("links", {})[target] = {
                "operationId": target,
                "parameters": {name: expression.format(field)},
            }


def _fields(result: dict[str, Any], response: dict[str, Any], *, of_results: bool) -> dict[str, Any]:
    schema = _resolved(result, response.get("content", {}).get("application/json", {}).get("schema", {}))
    if of_results:
        schema = _resolved(result, schema.get("properties", {}).get("results", {}).get("items", {}))
    properties: dict[str, Any] = schema.get("properties", {})
    return properties


def _resolved(result: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = result["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema
