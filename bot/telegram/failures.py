"""What can come of a call to Telegram but success, sorted by what its caller has to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from telegram import error as library


class TelegramFailure(Exception):
    """A call came to nothing; the message says why, in words for operators."""


class RetryLater(TelegramFailure):
    """Telegram wants to hear nothing for ``seconds``."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Telegram asked for a pause of {seconds:g} s.")
        self.seconds = seconds


class Gone(TelegramFailure):
    """The account cannot be written to: it has blocked the bot, has been deleted, or has never talked to it."""


class Refused(TelegramFailure):
    """Telegram does not take this call as it is; another try would end alike."""


class Unanswered(TelegramFailure):
    """No answer, or none that says what happened (time-outs, cut connections, 5xx): it may have been carried out."""


class AnotherPoller(TelegramFailure):
    """Somebody else takes this bot's updates, by polling or by a webhook."""


class WrongToken(TelegramFailure):
    """Telegram does not know the bot's token."""


_GONE = ("chat not found", "user not found", "peer_id_invalid", "user is deactivated")


@contextmanager
def translated() -> Iterator[None]:
    """Turn the library's errors into ours.

    Raises:
        TelegramFailure: one of this module's.
    """
    try:
        yield
    except library.TelegramError as error:
        raise _failure(error) from error


def _failure(error: library.TelegramError) -> TelegramFailure:
    text = error.message or type(error).__name__
    match error:
        case library.RetryAfter():
            pause = error.retry_after
            return RetryLater(pause.total_seconds() if isinstance(pause, timedelta) else pause)
        case library.Forbidden():
            return Gone(text)
        case library.BadRequest() if any(reason in text.lower() for reason in _GONE):
            return Gone(text)
        case library.InvalidToken():
            return WrongToken("Telegram does not know the token in TELEGRAM_BOT_TOKEN: @BotFather gives it.")
        case library.Conflict():
            return AnotherPoller(text)
        case library.BadRequest() | library.ChatMigrated() | library.EndPointNotFound():
            return Refused(text)
        case _:
            return Unanswered(text)
