"""docs/operations.md names every variable that a process of the platform reads, and none that nothing reads."""

import re

from granian.cli import cli as granian

from exchanger.local.paths import CHECKOUT
from exchanger.testing.variables import variables_read

DOCUMENT = (CHECKOUT / "docs" / "operations.md").read_text()
CONSTANTS = {"CONNECTIONS_PER_CONTEXT"}


def named() -> set[str]:
    return set(re.findall(r"`([A-Z][A-Z0-9_]+)`", DOCUMENT))


def test_every_variable_is_described() -> None:
    assert variables_read() - named() == set()


def test_no_variable_is_described_that_nothing_reads() -> None:
    of_granian = {f"GRANIAN_{option.name.upper()}" for option in granian.params}
    described = {name for name in named() if "_" in name}
    assert described - variables_read() - of_granian - CONSTANTS == set()
