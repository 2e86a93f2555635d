"""Conversations and what belongs to them: read from the bot's database."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from admin_panel.panel.base import PanelAdmin
from admin_panel.panel.columns import column, preview_text
from admin_panel.panel.filters import ExactFilter, PeriodFilter
from admin_panel.panel.notifications import write_address
from admin_panel.panel.people import person_column
from admin_panel.panel.search import uuid_of
from admin_panel.threads import read_thread
from bot.models import BotState, Conversation, Message, UserCommand

MAY_READ = "bot.view_message"


@admin.register(Conversation)
class ConversationAdmin(PanelAdmin):
    person_field = "user_id"
    list_display = ("telegram_user_id", "client", "step", "updated_at")
    list_filter = (("state", ExactFilter), ("updated_at", PeriodFilter))
    search_fields = ("id", "telegram_user_id", "user_id")
    search_help_text = "Telegram account, client's id or e-mail"
    ordering = ("-updated_at", "-id")
    fields = ("id", "telegram_user_id", "client", "step", "context", "blocked_at", "created_at", "updated_at")
    change_form_outer_after_template = "admin_panel/thread.html"

    client = person_column("Client")

    @column("State", labels={"idle": "default"})
    def step(self, conversation: Conversation) -> str:
        return conversation.state

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Any = None, **options: Any
    ) -> HttpResponse:
        if obj is not None:
            context |= {"write_address": write_address(request, obj.user_id)}
            if request.user.has_perm(MAY_READ):
                context |= {"thread": read_thread(obj.pk, before=uuid_of(request.GET.get("before", "")))}
        page: HttpResponse = super().render_change_form(request, context, *args, obj=obj, **options)
        return page


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
