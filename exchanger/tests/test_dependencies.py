"""docs/dependencies.md says of each requirement why it was chosen, and of nothing that is no requirement."""

import hashlib
import re

from packaging.requirements import Requirement

from exchanger.local.paths import CHECKOUT

DOCUMENT = (CHECKOUT / "docs" / "dependencies.md").read_text()
REQUIREMENTS = (CHECKOUT / "requirements.txt").read_text()


def pins() -> list[Requirement]:
    return [Requirement(line) for line in REQUIREMENTS.splitlines() if line and not line.startswith("#")]


def reasons() -> dict[str, str]:
    """What stands behind each ``- **name**:`` before the list of what was left out."""
    chosen, heading, _ = DOCUMENT.partition("## Left out on purpose")
    assert heading
    return dict(re.findall(r"^- \*\*(.+?)\*\*: (.+)$", chosen, re.MULTILINE))


def test_every_requirement_is_pinned_to_one_version() -> None:
    for pin in pins():
        assert re.fullmatch(r"==[\w.]+", str(pin.specifier)), pin


def test_every_requirement_has_its_reason_and_every_reason_its_requirement() -> None:
    assert list(reasons()) == [pin.name for pin in pins()]


def test_a_reason_is_more_than_a_name() -> None:
    for name, reason in reasons().items():
        assert len(reason.split()) >= 2, name


def test_what_was_left_out_is_out() -> None:
    left_out = re.findall(r"^- \*\*(.+?)\*\* ", DOCUMENT.partition("## Left out on purpose")[2], re.MULTILINE)
    assert left_out
    assert not set(left_out) & {pin.name for pin in pins()}


def test_a_file_of_others_in_the_tree_is_the_one_that_is_named() -> None:
    in_the_tree = DOCUMENT.partition("## In the tree")[2]
    named = re.findall(r"^- `(\S+)` is .*?SHA-256\s+`([0-9a-f]{64})`", in_the_tree, re.MULTILINE | re.DOTALL)
    assert named
    for path, checksum in named:
        assert hashlib.sha256((CHECKOUT / path).read_bytes()).hexdigest() == checksum, path
    assert {path for path, _ in named} == {
        str(path.relative_to(CHECKOUT)) for path in CHECKOUT.glob("[!.]*/static/**/*.min.*") if path.is_file()
    }
