"""Ids and chances that come out the same in every run."""

from random import Random
from typing import Final
from uuid import UUID, uuid5

NAMESPACE: Final = UUID("6f0d7f4e-5d0f-4a0b-9c54-2b1d3d6b8f10")


def demo_id(*parts: object) -> UUID:
    """The id of one demo row: ``demo_id("order", 17)``."""
    return uuid5(NAMESPACE, _name(parts))


def stream(*parts: object) -> Random:
    """Random numbers of their own for one subject, so that a change to one does not shake the others."""
    return Random(_name(parts))


def _name(parts: tuple[object, ...]) -> str:
    return ":".join(str(part) for part in parts)
