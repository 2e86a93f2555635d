"""Settings: all that are declared, with what is in force; each is set in a form made of its declaration."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from admin_panel.models import AdminSetting
from admin_panel.panel.base import PanelAdmin
from admin_panel.panel.document_form import DocumentForm
from admin_panel.panel.history import may_see_history
from admin_panel.panel.people import attach_people
from admin_panel.panel.posted import reason_of
from admin_panel.services.actors import actor_of
from admin_panel.services.permissions import REASON_LENGTH
from admin_panel.services.settings import MAY_SET, operator_setting_reset, operator_setting_set
from admin_panel.setting_states import SettingState, setting_state, setting_states
from exchanger.kernel.refusals import Refused


@admin.register(AdminSetting)
class AdminSettingAdmin(PanelAdmin):
    """The pages go by keys: a setting that nobody has set has no row."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> AdminSetting | None:
        state = setting_state(object_id)
        return None if state is None else state.row or AdminSetting(key=state.key, value=state.value)

    def history_id(self, obj: Model) -> str:
        assert isinstance(obj, AdminSetting)
        return obj.key

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        states = setting_states()
        people = [state.row for state in states if state.row is not None]
        attach_people(request, people, "updated_by")
        return self.form_page(request, "settings.html", "Settings", states=[(s, _address(s.key)) for s in states])

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The setting, and the form that sets it or sets it back."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        state = setting_state(unquote(object_id))
        if state is None:
            raise Http404
        may_set = request.user.has_perm(MAY_SET)
        posted = request.method == "POST"
        refusal = ""
        form = _form(state, request.POST if posted and "reset" not in request.POST else None)
        if posted:
            try:
                if "reset" in request.POST:
                    return self._reset(request, state)
                if form is not None and form.is_valid():
                    return self._set(request, state, form)
            except Refused as refused:
                refusal = refused.message
        if state.row is not None:
            attach_people(request, [state.row], "updated_by")
        return self.form_page(
            request,
            "setting.html",
            state.key,
            form,
            extra_context,
            state=state,
            may_set=may_set,
            refusal=refusal,
            reason_length=REASON_LENGTH,
            history=_address(state.key, "history") if may_see_history(request) else None,
        )

    def _set(self, request: HttpRequest, state: SettingState, form: DocumentForm) -> HttpResponse:
        assert state.setting is not None
        value = form.document["value"]
        operator_setting_set(
            actor=actor_of(request),
            key=state.key,
            value=value,
            reason=reason_of(request),
            based_on=request.POST.get("based_on", ""),
        )
        messages.success(
            request, f"{state.key} is {state.setting.text(value)}; every process obeys it within five seconds."
        )
        return HttpResponseRedirect(_address(state.key))

    def _reset(self, request: HttpRequest, state: SettingState) -> HttpResponse:
        operator_setting_reset(
            actor=actor_of(request),
            key=state.key,
            reason=reason_of(request),
            based_on=request.POST.get("based_on", ""),
        )
        if state.setting is None:
            messages.success(request, f"{state.key} is gone.")
            return HttpResponseRedirect(reverse("admin:admin_panel_adminsetting_changelist"))
        messages.success(request, f"{state.key} is back at its default, {state.default}.")
        return HttpResponseRedirect(_address(state.key))


def _form(state: SettingState, data: Any) -> DocumentForm | None:
    if state.setting is None:
        return None
    return DocumentForm(state.setting.schema, data, document={"value": state.value})


def _address(key: str, page: str = "change") -> str:
    return reverse(f"admin:admin_panel_adminsetting_{page}", args=[quote(key)])
