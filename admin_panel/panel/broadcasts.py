"""Broadcasts: written as drafts, looked at, tried on oneself, then conducted, with their progress."""

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_GET
from unfold.contrib.filters.admin import ChoicesRadioFilter
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget

from admin_panel.audiences import LOOKED_AT, Audience, estimate
from admin_panel.deliveries import Delivery, read_progress
from admin_panel.form_fields import PairField, ReasonField, SendableField
from admin_panel.panel.base import PanelAdmin
from admin_panel.panel.columns import column, preview_text
from admin_panel.panel.filters import PeriodFilter
from admin_panel.panel.labels import BROADCAST_LABELS
from admin_panel.panel.people import attach_people, person_column
from admin_panel.panel.posted import back_to
from admin_panel.panel.row_actions import RowAction, RowActionPages, in_status
from admin_panel.services import broadcasts as services
from admin_panel.services.actors import actor_of
from bot.messages import Direction, MessageType, Said, message_content, read_message
from bot.models import Broadcast, BroadcastStatus
from exchanger.kernel.refusals import Refused

LONGEST = 3650  # days

_ENDED = (BroadcastStatus.STOPPED, BroadcastStatus.DONE)
_LANGUAGES = dict(settings.LANGUAGES)


class BroadcastForm(forms.Form):
    """A draft: a text in each language, and whom it is for."""

    language = forms.ChoiceField(
        label="For who uses",
        choices=[("", "any language"), *settings.LANGUAGES],
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    days = forms.IntegerField(
        label="With an order in the last days",
        min_value=1,
        max_value=LONGEST,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="How many days back an order of theirs may lie; empty is no matter.",
    )
    pair = PairField(
        label="With an order of the pair", required=False, help_text="Such as USD/UAH; empty is no matter."
    )
    reason = ReasonField()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for code, name in settings.LANGUAGES:
            required = code == settings.LANGUAGE_CODE
            told = "Also for who uses a language without a text." if required else "Empty is the English text."
            self.fields[f"text_{code}"] = SendableField(label=f"Text: {name}", required=required, help_text=told)
        self.order_fields([f"text_{code}" for code in _LANGUAGES])

    @property
    def texts(self) -> dict[str, str]:
        """By language, those that were written; the form is valid."""
        found = {code: self.cleaned_data[f"text_{code}"] for code in _LANGUAGES}
        return {code: text for code, text in found.items() if text}

    @property
    def audience(self) -> Audience:
        cleaned = self.cleaned_data
        return Audience(cleaned["language"] or None, cleaned["days"], cleaned["pair"])


@admin.register(Broadcast)
class BroadcastAdmin(RowActionPages, PanelAdmin):
    row_actions = (
        RowAction(
            "try",
            "Send to me first",
            services.MAY_CONDUCT,
            services.operator_broadcast_try,
            in_status(BroadcastStatus.DRAFT),
        ),
        RowAction(
            "start",
            "Start",
            services.MAY_CONDUCT,
            services.operator_broadcast_start,
            in_status(BroadcastStatus.DRAFT),
            step_up=True,
        ),
        RowAction(
            "pause",
            "Pause",
            services.MAY_CONDUCT,
            services.operator_broadcast_pause,
            in_status(BroadcastStatus.RUNNING),
        ),
        RowAction(
            "resume",
            "Go on",
            services.MAY_CONDUCT,
            services.operator_broadcast_resume,
            in_status(BroadcastStatus.PAUSED),
        ),
        RowAction(
            "stop",
            "Stop for good",
            services.MAY_CONDUCT,
            services.operator_broadcast_stop,
            in_status(BroadcastStatus.DRAFT, BroadcastStatus.RUNNING, BroadcastStatus.PAUSED),
            danger=True,
        ),
    )
    person_field = "created_by"
    list_display = ("created_at", "state", "text", "queued", "for_whom", "operator", "finished_at")
    list_filter = (("status", ChoicesRadioFilter), ("created_at", PeriodFilter))
    ordering = ("-created_at", "-id")
    fields = (
        "id",
        "for_whom",
        "operator",
        "state",
        "reason",
        "created_at",
        "started_at",
        "finished_at",
    )
    change_form_outer_after_template = "admin_panel/broadcast.html"

    operator = person_column("Written by")

    @column("Text")
    def text(self, broadcast: Broadcast) -> str:
        return preview_text(broadcast.texts.get(settings.LANGUAGE_CODE, ""))

    @column("For whom")
    def for_whom(self, broadcast: Broadcast) -> str:
        return Audience.read(broadcast.audience).told

    @column("Status", labels=BROADCAST_LABELS)
    def state(self, broadcast: Broadcast) -> str:
        return broadcast.status

    def told(self, action: RowAction, changed: Any) -> str:
        if action.verb == "try":
            return "Its texts wait to be sent to you."
        return f"The broadcast is {BroadcastStatus(changed.status).label.lower()} now."

    def get_urls(self) -> list[URLPattern]:
        view: Any = self.admin_site.admin_view(require_GET(self.progress_view))
        view.model_admin = self
        own = path("<uuid:object_id>/progress/", view, name="bot_broadcast_progress")
        return [own, *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Any = None, **options: Any
    ) -> HttpResponse:
        if obj is not None:
            context |= {"texts": _shown(obj), **_progress(obj)}
            if obj.status == BroadcastStatus.DRAFT:
                context |= _preview(request, obj)
        page: HttpResponse = super().render_change_form(request, context, *args, obj=obj, **options)
        return page

    def progress_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The progress alone, which the page asks for again and again; the whole page where the status has changed."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        broadcast = Broadcast.objects.filter(pk=object_id).first()
        if broadcast is None:
            raise Http404
        context = {**_progress(broadcast), "original": broadcast}
        answer = TemplateResponse(request, "admin_panel/broadcast_progress.html", context)
        if broadcast.status != request.GET.get("status"):
            answer.headers["HX-Refresh"] = "true"
        return answer

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(services.MAY_WRITE)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = BroadcastForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            try:
                return self._written(request, form)
            except Refused as refused:
                form.add_error(None, refused.message)
        return self.form_page(request, "broadcast_form.html", "Write a broadcast", form, extra_context)

    def _written(self, request: HttpRequest, form: BroadcastForm) -> HttpResponse:
        draft = services.operator_broadcast_write(
            actor=actor_of(request), texts=form.texts, audience=form.audience, reason=form.cleaned_data["reason"]
        )
        messages.success(request, "The draft is written. Nothing is sent until it is started.")
        return back_to(draft)


def _shown(broadcast: Broadcast) -> list[tuple[str, Said]]:
    """The texts by the names of their languages, as they will be read."""
    return [
        (str(name), read_message(MessageType.TEXT, message_content(Direction.OUT, text=broadcast.texts[code])))
        for code, name in settings.LANGUAGES
        if code in broadcast.texts
    ]


def _progress(broadcast: Broadcast) -> dict[str, Any]:
    """How far it has come; nothing for a draft."""
    if broadcast.status == BroadcastStatus.DRAFT:
        return {}
    progress = read_progress(broadcast.pk, broadcast.queued)
    unsent = ((Delivery.DEAD, progress.dead), (Delivery.CALLED_OFF, progress.called_off))
    return {
        "progress": progress,
        "unsent": [(delivery.value.capitalize(), count, _listed(broadcast, delivery)) for delivery, count in unsent],
        "ended": broadcast.status in _ENDED,
    }


def _listed(broadcast: Broadcast, delivery: Delivery) -> str:
    query = urlencode({"delivery": delivery.value, "broadcast": str(broadcast.pk)})
    return f"{reverse('admin:bot_notification_changelist')}?{query}"


def _preview(request: HttpRequest, broadcast: Broadcast) -> dict[str, Any]:
    """Whom a draft would reach if it were started now."""
    found = estimate(Audience.read(broadcast.audience), at=timezone.now())
    people = [_Sampled(recipient.user_id, _LANGUAGES.get(recipient.language)) for recipient in found.sample]
    attach_people(request, people, "user_id")
    return {"estimate": found, "sample": people, "looked_at": LOOKED_AT}


class _Sampled:
    """One of the first recipients; ``person`` is added by ``attach_people``."""

    def __init__(self, user_id: Any, language: Any) -> None:
        self.user_id = user_id
        self.language = language
