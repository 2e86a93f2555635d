"""What to do with a notification whose sending has failed."""

import random

from bot.services.notification_delivery import Claimed, End, Outcome
from bot.telegram.failures import AnotherPoller, Gone, Refused, RetryLater, TelegramFailure, Unanswered, WrongToken

ATTEMPTS = 12
"""How many may fail; with these pauses the last is some three hours after the first."""

FIRST_SECONDS = 5.0
LONGEST_SECONDS = 3600.0


def outcome_of(failure: TelegramFailure, claimed: Claimed) -> Outcome:
    """How the claim ends. A pause that Telegram asked for, and a wrong token, are no failures of the notification."""
    match failure:
        case RetryLater() | WrongToken():
            return Outcome(claimed, End.PUT_OFF)
        case Gone():
            return Outcome(claimed, End.DEAD, str(failure), gone=True)
        case Refused():
            return Outcome(claimed, End.DEAD, str(failure))
        case Unanswered() | AnotherPoller() | _:
            return failed(claimed, str(failure))


def failed(claimed: Claimed, reason: str) -> Outcome:
    """Another try after 5 s, 10 s, 20 s … at most an hour, each shortened by up to a half at random; then none."""
    if claimed.attempts + 1 >= ATTEMPTS:
        return Outcome(claimed, End.DEAD, reason)
    longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2**claimed.attempts)
    return Outcome(claimed, End.FAILED, reason, seconds=longest * random.uniform(0.5, 1))  # noqa: S311
