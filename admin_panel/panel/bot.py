"""Conversations and what belongs to them: read from the bot's database."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import BooleanRadioFilter

from admin_panel.panel.base import PanelAdmin
from admin_panel.panel.columns import column, preview_text
from admin_panel.panel.filters import ExactFilter, PeriodFilter
from admin_panel.panel.people import person_column
from bot.models import BotState, Conversation, Message, Notification, UserCommand


@admin.register(Conversation)
class ConversationAdmin(PanelAdmin):
    person_field = "user_id"
    list_display = ("telegram_user_id", "client", "step", "updated_at")
    list_filter = (("state", ExactFilter), ("updated_at", PeriodFilter))
    search_fields = ("id", "telegram_user_id", "user_id")
    search_help_text = "Telegram account, client's id or e-mail"
    ordering = ("-updated_at", "-id")
    fields = ("id", "telegram_user_id", "client", "state", "context", "messages", "created_at", "updated_at")

    client = person_column("Client")

    @column("State", labels={"idle": "default"})
    def step(self, conversation: Conversation) -> str:
        return conversation.state

    @column("Messages")
    def messages(self, conversation: Conversation) -> str:
        address = reverse("admin:bot_message_changelist")
        return format_html(
            '<a href="{}?conversation={}" class="text-link">All its messages</a>', address, conversation.pk
        )


@admin.register(Message)
class MessageAdmin(PanelAdmin):
    list_display = ("sent_at", "account", "message_type", "preview")
    list_select_related = ("conversation",)
    list_filter = (("sent_at", PeriodFilter), ("conversation", ExactFilter))
    search_fields = ("id", "conversation")
    search_help_text = "Message or conversation id"
    ordering = ("-sent_at", "-id")
    fields = ("id", "conversation", "message_id", "message_type", "content", "sent_at")

    @column("Telegram account")
    def account(self, message: Message) -> str:
        return str(message.conversation.telegram_user_id)

    @column("Content")
    def preview(self, message: Message) -> str:
        return preview_text(message.content)


@admin.register(Notification)
class NotificationAdmin(PanelAdmin):
    person_field = "user_id"
    list_display = ("created_at", "client", "notification_type", "preview", "sent", "sent_at")
    list_filter = (("sent", BooleanRadioFilter), ("created_at", PeriodFilter))
    search_fields = ("id", "user_id")
    search_help_text = "Notification or client's id, or e-mail"
    ordering = ("-created_at", "-id")
    fields = ("id", "client", "telegram_user_id", "notification_type", "message", "sent", "sent_at", "created_at")

    client = person_column("Client")

    @column("Message")
    def preview(self, notification: Notification) -> str:
        return preview_text(notification.message)


@admin.register(UserCommand)
class UserCommandAdmin(PanelAdmin):
    list_display = ("executed_at", "telegram_user_id", "command")
    list_filter = (("command", ExactFilter), ("executed_at", PeriodFilter))
    search_fields = ("id", "telegram_user_id")
    search_help_text = "Telegram account"
    ordering = ("-executed_at", "-id")
    fields = ("id", "telegram_user_id", "command", "parameters", "executed_at")


@admin.register(BotState)
class BotStateAdmin(PanelAdmin):
    list_display = ("key", "preview", "updated_at")
    search_fields = ("key",)
    search_help_text = "Beginning of the key"
    ordering = ("key",)
    fields = ("id", "key", "value", "updated_at")

    @column("Value")
    def preview(self, state: BotState) -> str:
        return preview_text(state.value)
