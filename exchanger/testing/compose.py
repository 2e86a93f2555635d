"""docker-compose.yml and .env.example as data: what Docker Compose would make of them, without Docker."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from exchanger.local.paths import CHECKOUT

COMPOSE = CHECKOUT / "docker-compose.yml"
EXAMPLE = CHECKOUT / ".env.example"
_REFERENCE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}")


class MissingVariableError(LookupError):
    """Compose would refuse to start: a required variable is empty."""


def load() -> dict[str, Any]:
    """The file, with its anchors merged and its references as they stand."""
    found = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def references(node: object) -> dict[str, set[str]]:
    """The variables that a part of the file refers to; each with ``?`` (required), ``-`` (default) or both."""
    found: dict[str, set[str]] = {}
    for match in _REFERENCE.finditer(yaml.safe_dump(node, width=10_000)):
        found.setdefault(match["name"], set()).add(match["kind"] or "")
    return found


def interpolate(text: object, values: Mapping[str, str]) -> str:
    """A value of the file with ``values`` in place of its references.

    Raises:
        MissingVariableError: one that is required is missing or empty.
    """

    def replaced(match: re.Match[str]) -> str:
        value = values.get(match["name"], "")
        if not value and match["kind"] == "?":
            raise MissingVariableError(match["name"])
        return value or (match["rest"] if match["kind"] == "-" else "")

    return _REFERENCE.sub(replaced, str(text))


def environment(service: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, str]:
    """The variables of a service's container."""
    return {name: interpolate(text, values) for name, text in service.get("environment", {}).items()}


def assignments(text: str) -> dict[str, str]:
    """``NAME=value`` lines of a file of variables; comments left out."""
    pairs = (line.partition("=") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}
