from bot.models.bot_state import BotState
from bot.models.broadcast import Broadcast, BroadcastStatus
from bot.models.cache_invalidation import CacheInvalidation
from bot.models.conversation import Conversation
from bot.models.inbox import InboxEvent
from bot.models.message import Message
from bot.models.notification import Notification
from bot.models.user_command import UserCommand

__all__ = [
    "BotState",
    "Broadcast",
    "BroadcastStatus",
    "CacheInvalidation",
    "Conversation",
    "InboxEvent",
    "Message",
    "Notification",
    "UserCommand",
]
