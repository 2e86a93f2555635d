"""Every command, in the order of /help and of Telegram's menu, and every dialogue."""

from bot.dialogues import alerts, cancel, exchange, help, language, link, notifications, orders, payment, rates, start  # noqa: A004
from bot.dialogues.engine import Engine

ENGINE = Engine(
    commands=(
        rates.COMMAND,
        link.LINK_COMMAND,
        language.COMMAND,
        cancel.COMMAND,
        help.COMMAND,
        start.COMMAND,
        exchange.COMMAND,
        orders.COMMAND,
        orders.STATUS_COMMAND,
        alerts.COMMAND,
        alerts.LIST_COMMAND,
        notifications.COMMAND,
        link.UNLINK_COMMAND,
    ),
    dialogues=(
        language.DIALOGUE,
        link.LINK,
        link.UNLINK,
        exchange.DIALOGUE,
        payment.DIALOGUE,
        orders.DIALOGUE,
        alerts.DIALOGUE,
        notifications.DIALOGUE,
    ),
)
