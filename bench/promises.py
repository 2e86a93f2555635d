"""What a bench promises, and how it says whether that held."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Promise:
    text: str
    held: bool
    measured: str


def say(promises: Iterable[Promise]) -> bool:
    """Print each promise and the verdict; True if all held."""
    said = list(promises)
    for promise in said:
        print(f"  {'held  ' if promise.held else 'BROKEN'}  {promise.text}: {promise.measured}")
    broken = sum(not promise.held for promise in said)
    print(f"\n{'All promises held.' if not broken else f'{broken} of {len(said)} promises were BROKEN.'}")
    return not broken
