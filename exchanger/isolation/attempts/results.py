"""What an attempt was meant to meet, and what it met."""

from dataclasses import dataclass
from enum import StrEnum


class Expected(StrEnum):
    ALLOWED = "allowed"
    REFUSED = "refused"
    SHARED = "shared"  # known to be common to whoever may connect; shown, and never a breach


class Happened(StrEnum):
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"  # for another reason than a privilege: so the privilege was there


def expect(allowed: bool) -> Expected:
    return Expected.ALLOWED if allowed else Expected.REFUSED


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said to one statement: ``text`` in its own words, ``rows`` that it returned or touched."""

    happened: Happened
    text: str = ""
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """One attempt. ``part`` is what of the target it was made on, where that is a column, a sequence or the like."""

    section: str
    login: str
    target: str
    verb: str
    expected: Expected
    answer: Answer
    statement: str
    part: str = ""

    @property
    def got_through(self) -> bool:
        return self.expected is Expected.REFUSED and self.answer.happened is not Happened.REFUSED

    @property
    def wrongly_refused(self) -> bool:
        return self.expected is Expected.ALLOWED and self.answer.happened is not Happened.DONE

    @property
    def breach(self) -> bool:
        return self.got_through or self.wrongly_refused
