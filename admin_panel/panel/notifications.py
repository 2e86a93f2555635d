"""Notifications: how far each has come, another try for those that are dead, and a message to one client."""

from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from unfold.forms import ActionForm
from unfold.widgets import UnfoldAdminTextInputWidget

from admin_panel.deliveries import Delivery, delivery_of
from admin_panel.form_fields import ReasonField, SendableField
from admin_panel.panel.base import PanelAdmin
from admin_panel.panel.columns import column, preview_text
from admin_panel.panel.filters import DeliveryFilter, ExactFilter, PeriodFilter
from admin_panel.panel.labels import DELIVERY_LABELS
from admin_panel.panel.people import find_person, person_column
from admin_panel.panel.posted import reason_of
from admin_panel.panel.row_actions import RowAction, RowActionPages
from admin_panel.panel.search import uuid_of
from admin_panel.services.actors import actor_of
from admin_panel.services.notifications import (
    MAY_RETRY,
    MAY_WRITE,
    operator_notification_retry,
    operator_notification_write,
    require_account,
)
from admin_panel.services.permissions import REASON_LENGTH
from bot.messages import Direction, MessageType, message_content, read_message
from bot.models import Conversation, Notification
from exchanger.kernel.refusals import Refused
from identity.models import User

MOMENT = "%Y-%m-%d %H:%M"


class MessageForm(forms.Form):
    """A message to one client."""

    client = forms.CharField(
        max_length=255, widget=UnfoldAdminTextInputWidget, help_text="Their e-mail address, or their id."
    )
    text = SendableField(help_text="Plain text, as they will read it.")
    reason = ReasonField()
    notification = forms.UUIDField(widget=forms.HiddenInput)

    def clean_client(self) -> User:
        person = find_person(self.cleaned_data["client"].strip())
        if person is None:
            raise forms.ValidationError("There is nobody of this address or id.")
        return person


class RetryForm(ActionForm):
    """What is done with the chosen rows of the list, and why."""

    # Django wants it there, and the skin's own asks for a variable that the template has not.
    select_across = forms.BooleanField(label="", required=False, initial=0, widget=forms.HiddenInput)
    reason = forms.CharField(
        label="",
        required=False,
        max_length=REASON_LENGTH,
        widget=forms.TextInput(
            attrs={"placeholder": "Reason, for the audit trail", "aria-label": "Reason", "class": "action-reason"}
        ),
    )


@admin.register(Notification)
class NotificationAdmin(RowActionPages, PanelAdmin):
    row_actions = (
        RowAction(
            "retry",
            "Try again",
            MAY_RETRY,
            operator_notification_retry,
            lambda notification: notification.dead_at is not None,
        ),
    )
    person_field = "user_id"
    list_display = ("created_at", "client", "delivery", "details", "preview", "notification_type")
    list_filter = (DeliveryFilter, ("created_at", PeriodFilter), ("broadcast", ExactFilter))
    list_disable_select_all = True
    search_fields = ("id", "user_id")
    search_help_text = "Notification or client's id, or e-mail"
    ordering = ("-created_at", "-id")
    fields = (
        "id",
        "client",
        "telegram_user_id",
        "notification_type",
        "message",
        "delivery",
        "details",
        "attempts",
        "of_broadcast",
        "created_at",
        "sent_at",
    )
    actions = ("retry_selected",)
    action_form = RetryForm

    client = person_column("Client")

    @column("Message")
    def preview(self, notification: Notification) -> str:
        return preview_text(notification.message)

    @column("Delivery", labels=DELIVERY_LABELS)
    def delivery(self, notification: Notification) -> str:
        return str(delivery_of(notification, timezone.now()))

    @column("Details (UTC)")
    def details(self, notification: Notification) -> str:
        return _details(notification)

    @column("Broadcast")
    def of_broadcast(self, notification: Notification) -> SafeString | None:
        if notification.broadcast_id is None:
            return None
        address = reverse("admin:bot_broadcast_change", args=[notification.broadcast_id])
        return format_html('<a href="{}" class="text-link">{}</a>', address, notification.broadcast_id)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notification]:
        found: QuerySet[Notification] = super().get_queryset(request)
        return found.select_related("broadcast").defer("broadcast__texts", "broadcast__audience")

    def told(self, action: RowAction, changed: Any) -> str:
        return "The notification is tried again."

    # --- Another try for the chosen rows of the list

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(MAY_RETRY)

    def response_action(self, request: HttpRequest, queryset: QuerySet[Notification]) -> HttpResponse | None:
        """Only what is on offer is done; Django would tell of anything else in a message."""
        if request.POST.get("action") not in self.get_actions(request):
            return None
        if not all(uuid_of(text) for text in request.POST.getlist(ACTION_CHECKBOX_NAME)):
            raise BadRequest("A row is chosen by its id.")
        answer: HttpResponse | None = super().response_action(request, queryset)
        return answer

    @admin.action(permissions=["retry"], description="Try again")
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[Notification]) -> None:
        """Each by itself, so that one that is not dead keeps none of the others back."""
        chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
        done, refusals = 0, dict[str, int]()
        for notification in queryset.filter(pk__in=chosen[: self.list_per_page]):
            try:
                operator_notification_retry(
                    actor=actor_of(request), notification=notification, reason=reason_of(request)
                )
            except (PermissionDenied, Refused) as refused:
                refusals[str(refused)] = refusals.get(str(refused), 0) + 1
            else:
                done += 1
        if done:
            messages.success(request, f"{done} {'is' if done == 1 else 'are'} tried again.")
        for refusal, times in refusals.items():
            messages.error(request, f"{times} of the chosen: {refusal}")

    # --- A message to one client

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(MAY_WRITE)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form; then the same with the message as it will be read; then it is queued."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        initial = {"notification": uuid4(), "client": request.GET.get("client", "")}
        form = MessageForm(request.POST if request.method == "POST" else None, initial=initial)
        preview: dict[str, Any] | None = None
        if form.is_valid():
            try:
                if "confirmed" in request.POST:
                    return self._written(request, form)
                preview = _preview(form)
            except Refused as refused:
                form.add_error(None, refused.message)
        return self.form_page(
            request, "notification_form.html", "Write to a client", form, extra_context, preview=preview
        )

    def _written(self, request: HttpRequest, form: MessageForm) -> HttpResponse:
        written = operator_notification_write(
            actor=actor_of(request),
            notification_id=form.cleaned_data["notification"],
            user_id=form.cleaned_data["client"].pk,
            text=form.cleaned_data["text"],
            reason=form.cleaned_data["reason"],
        )
        messages.success(request, "The message waits to be sent.")
        return HttpResponseRedirect(reverse("admin:bot_notification_change", args=[written.pk]))


def write_address(request: HttpRequest, user_id: UUID | None) -> str | None:
    """Where the operator writes to that person, if they may write to people."""
    if user_id is None or not request.user.has_perm(MAY_WRITE):
        return None
    return f"{reverse('admin:bot_notification_add')}?{urlencode({'client': str(user_id)})}"


def _details(notification: Notification) -> str:
    """When it was sent, is tried next or was given up, until when it is put off, and what went wrong."""
    problem = f": {notification.failure}" if notification.failure else ""
    match delivery_of(notification, timezone.now()):
        case Delivery.SENT:
            return f"{notification.sent_at:{MOMENT}}"
        case Delivery.DEAD | Delivery.CALLED_OFF if notification.dead_at:
            return f"{notification.dead_at:{MOMENT}}{problem}"
        case Delivery.PUT_OFF:
            return f"until {notification.put_off_until:{MOMENT}}, the end of their quiet hours"
        case Delivery.RETRYING:
            tries = f"{notification.attempts} {'try' if notification.attempts == 1 else 'tries'}"
            return f"again at {notification.next_attempt_at:{MOMENT}}, after {tries}{problem}"
    return "–"


def _preview(form: MessageForm) -> dict[str, Any]:
    """What the client will see. Raises NotificationRefused: ``not_linked``."""
    person = form.cleaned_data["client"]
    account = require_account(person.pk)
    conversation = Conversation.objects.filter(telegram_user_id=account).first()
    return {
        "said": read_message(MessageType.TEXT, message_content(Direction.OUT, text=form.cleaned_data["text"])),
        "email": person.email,
        "account": account,
        "blocked_at": conversation.blocked_at if conversation else None,
    }
