"""Chance that can be had again: a generator for each part of a run, made of the run's seed and the part's name."""

from random import Random


def luck(seed: int, name: str) -> Random:
    return Random(f"{seed} {name}")  # noqa: S311  (nothing is kept secret by it)
