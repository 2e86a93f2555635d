"""People: what goes on with them, what they may do and where they are logged in; nobody reads what a session holds."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesRadioFilter

from admin_panel.panel.access import CONTEXT_LABELS, AccessPages
from admin_panel.panel.affairs import AffairsBlocks
from admin_panel.panel.base import PanelAdmin, PanelInline
from admin_panel.panel.columns import column
from admin_panel.panel.filters import BlockedFilter, ExactFilter, PeriodFilter
from identity.models import SUPERUSER, User, UserPermission, UserProfile


class OfPerson:
    """Rows that belong to a person, who comes along without the password's hash."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        found: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]
        return found.select_related("user").defer("user__password")


class ProfileInline(PanelInline):
    model = UserProfile
    fields = ("display_name", "phone", "language", "time_zone", "telegram_user_id")
    verbose_name_plural = "Profile"
    per_page = None


@admin.register(User)
class UserAdmin(AffairsBlocks, AccessPages, PanelAdmin):
    list_display = ("email", "name", "email_verified", "is_blocked", "created_at")
    list_select_related = ("profile",)
    list_filter = (("email_verified", BooleanRadioFilter), BlockedFilter, ("created_at", PeriodFilter))
    search_fields = ("id", "email")
    search_help_text = "Beginning of the e-mail, or the id"
    ordering = ("-created_at", "-id")
    fields = ("id", "email", "email_verified", "blocked_at", "created_at", "updated_at")
    inlines: ClassVar = [ProfileInline]
    change_form_outer_after_template = "admin_panel/person.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        found: QuerySet[User] = super().get_queryset(request)
        return found.defer("password")

    @column("Name")
    def name(self, user: User) -> str:
        return user.profile.display_name if hasattr(user, "profile") else ""

    @column("Blocked", labels={"blocked": "danger"})
    def is_blocked(self, user: User) -> str:
        return "blocked" if user.blocked_at else ""


@admin.register(UserProfile)
class UserProfileAdmin(OfPerson, PanelAdmin):
    list_display = ("user", "display_name", "phone", "language", "telegram_user_id")
    search_fields = ("user", "telegram_user_id")
    search_help_text = "Person's id or Telegram account"
    ordering = ("user_id",)
    fields = ("user", "display_name", "phone", "language", "time_zone", "telegram_user_id")


@admin.register(UserPermission)
class UserPermissionAdmin(OfPerson, PanelAdmin):
    list_display = ("user", "context", "right", "granted_at")
    list_filter = (("application_context", ChoicesRadioFilter), ("permission", ExactFilter))
    search_fields = ("user",)
    search_help_text = "Person's id"
    ordering = ("application_context", "user_id", "id")
    fields = ("id", "user", "application_context", "permission", "granted_at")

    @column("Application", labels=CONTEXT_LABELS)
    def context(self, row: UserPermission) -> str:
        return row.application_context

    @column("Permission")
    def right(self, row: UserPermission) -> str:
        return "* (everything)" if row.permission == SUPERUSER else row.permission
