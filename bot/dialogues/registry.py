"""Every command, in the order of /help and of Telegram's menu, and every dialogue."""

from bot.dialogues import cancel, help, language, rates, start  # noqa: A004
from bot.dialogues.engine import Engine

ENGINE = Engine(
    commands=(rates.COMMAND, language.COMMAND, cancel.COMMAND, help.COMMAND, start.COMMAND),
    dialogues=(language.DIALOGUE,),
)
