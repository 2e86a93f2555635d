from bot.models.bot_state import BotState
from bot.models.broadcast import Broadcast, BroadcastStatus
from bot.models.cache_invalidation import CacheInvalidation
from bot.models.configuration import PublishedConfiguration
from bot.models.conversation import Conversation
from bot.models.inbox import InboxEvent
from bot.models.message import Message
from bot.models.notification import Notification
from bot.models.notification_preferences import NotificationPreferences
from bot.models.quiet_hours import QuietHours
from bot.models.rate_alert import RateAlert
from bot.models.reply import BotReply, ReplyMethod
from bot.models.update import BotUpdate
from bot.models.user_command import UserCommand

__all__ = [
    "BotReply",
    "BotState",
    "BotUpdate",
    "Broadcast",
    "BroadcastStatus",
    "CacheInvalidation",
    "Conversation",
    "InboxEvent",
    "Message",
    "Notification",
    "NotificationPreferences",
    "PublishedConfiguration",
    "QuietHours",
    "RateAlert",
    "ReplyMethod",
    "UserCommand",
]
