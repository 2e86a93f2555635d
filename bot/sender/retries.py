"""What to do with a message whose sending has failed."""

import random
from dataclasses import dataclass

from bot.services.notification_delivery import Claimed, End, Outcome
from bot.telegram.failures import AnotherPoller, Gone, Refused, RetryLater, TelegramFailure, Unanswered, WrongToken

ATTEMPTS = 12
"""How many may fail; with these pauses the last is some three hours after the first."""

FIRST_SECONDS = 5.0
LONGEST_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an attempt ended, as ``Outcome`` has it, of whatever was to be sent."""

    end: End
    failure: str = ""
    seconds: float = 0.0
    gone: bool = False


def outcome_of(failure: TelegramFailure, claimed: Claimed) -> Outcome:
    """How the claim ends. A pause that Telegram asked for, and a wrong token, are no failures of the notification."""
    return _outcome(claimed, verdict_of(failure, claimed.attempts))


def failed(claimed: Claimed, reason: str) -> Outcome:
    """Another try, or none any more, as ``failed_verdict`` says."""
    return _outcome(claimed, failed_verdict(claimed.attempts, reason))


def verdict_of(failure: TelegramFailure, attempts: int) -> Verdict:
    """What a failure means for a message of which ``attempts`` have failed before."""
    match failure:
        case RetryLater() | WrongToken():
            return Verdict(End.PUT_OFF)
        case Gone():
            return Verdict(End.DEAD, str(failure), gone=True)
        case Refused():
            return Verdict(End.DEAD, str(failure))
        case Unanswered() | AnotherPoller() | _:
            return failed_verdict(attempts, str(failure))


def failed_verdict(attempts: int, reason: str) -> Verdict:
    """Another try after 5 s, 10 s, 20 s … at most an hour, each shortened by up to a half at random; then none."""
    if attempts + 1 >= ATTEMPTS:
        return Verdict(End.DEAD, reason)
    longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2**attempts)
    return Verdict(End.FAILED, reason, longest * random.uniform(0.5, 1))  # noqa: S311


def _outcome(claimed: Claimed, verdict: Verdict) -> Outcome:
    return Outcome(claimed, verdict.end, verdict.failure, verdict.seconds, gone=verdict.gone)
