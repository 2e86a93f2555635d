"""Updates that the bot could not handle and replies that it could not send: what went wrong, and another try."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.timesince import timesince
from unfold.contrib.filters.admin import RadioFilter

from admin_panel.given_up import State, state_of, with_state
from admin_panel.panel.base import PanelAdmin
from admin_panel.panel.bot import MAY_READ
from admin_panel.panel.columns import column, preview_text, shown_field
from admin_panel.panel.row_actions import RowAction, RowActionPages
from admin_panel.services import given_up as services
from bot.models import BotReply, BotUpdate

LABELS: dict[str, str] = {
    State.WAITING: "info",
    State.RETRYING: "warning",
    State.DONE: "success",
    State.GIVEN_UP: "danger",
}


def _is_given_up(work: BotUpdate | BotReply) -> bool:
    return state_of(work) is State.GIVEN_UP


class StateFilter(RadioFilter):
    """Those that are given up, unless others are asked for: of all together no index tells the order."""

    title = "state"
    parameter_name = "state"
    all_option = None

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state.value, state.value.capitalize()) for state in State]

    def value(self) -> str:
        wanted = super().value()
        return wanted if wanted in State.values else State.GIVEN_UP.value

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return with_state(queryset, State(self.value()))


class WorkAdmin(RowActionPages, PanelAdmin):
    """Something for the bot to do; ``content`` is what people said or read, for who may read that."""

    content: str
    list_filter = (StateFilter,)

    @column("State", labels=LABELS)
    def state(self, work: BotUpdate | BotReply) -> str:
        return str(state_of(work))

    @column("Error")
    def error(self, work: BotUpdate | BotReply) -> str:
        return preview_text(work.failure) or "–"

    @column("Age")
    def age(self, work: BotUpdate | BotReply) -> str:
        return timesince(work.received_at if isinstance(work, BotUpdate) else work.created_at, timezone.now())

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        shown = super().get_fields(request, obj)
        if request.user.has_perm(MAY_READ):
            return shown
        hidden = shown_field(self.model, self.content)
        return tuple(field for field in shown if field is not hidden)

    def told(self, action: RowAction, changed: Any) -> str:
        what = str(self.opts.verbose_name)
        return f"The {what} is tried again." if action.verb == "retry" else f"The {what} is dismissed."


@admin.register(BotUpdate)
class BotUpdateAdmin(WorkAdmin):
    content = "body"
    row_actions = (
        RowAction("retry", "Try again", services.MAY_CHANGE_UPDATES, services.operator_update_retry, _is_given_up),
        RowAction(
            "dismiss",
            "Dismiss",
            services.MAY_CHANGE_UPDATES,
            services.operator_update_dismiss,
            _is_given_up,
            danger=True,
        ),
    )
    list_display = ("update_id", "state", "error", "attempts", "age", "kind", "chat_id")
    search_fields = ("update_id",)
    search_help_text = "Telegram's number of the update"
    ordering = ("-update_id",)
    fields = (
        "update_id",
        "chat_id",
        "kind",
        "state",
        "attempts",
        "failure",
        "received_at",
        "next_attempt_at",
        "handled_at",
        "dead_at",
        "dismissed_at",
        "retried_at",
        "body",
    )


@admin.register(BotReply)
class BotReplyAdmin(WorkAdmin):
    content = "payload"
    row_actions = (
        RowAction("retry", "Try again", services.MAY_CHANGE_REPLIES, services.operator_reply_retry, _is_given_up),
        RowAction(
            "dismiss",
            "Dismiss",
            services.MAY_CHANGE_REPLIES,
            services.operator_reply_dismiss,
            _is_given_up,
            danger=True,
        ),
    )
    list_display = ("id", "state", "error", "attempts", "age", "method", "chat_id")
    search_fields = ("id",)
    search_help_text = "Number of the reply"
    ordering = ("-id",)
    fields = (
        "id",
        "chat_id",
        "method",
        "state",
        "attempts",
        "failure",
        "created_at",
        "next_attempt_at",
        "sent_at",
        "dead_at",
        "dismissed_at",
        "payload",
    )
