"""What operators set, and set back to the default: each with a reason, and with what it was before in the trail."""

from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from admin_panel.declared_settings import SETTINGS, InvalidSetting, forget_settings
from admin_panel.models import AdminSetting
from admin_panel.resources import Resource, resource_type
from admin_panel.services.actors import Actor
from admin_panel.services.audit import ALIAS, audited
from admin_panel.services.permissions import require_permission, require_reason
from admin_panel.setting_states import DEFAULT, token_of
from exchanger.kernel.refusals import Refused

MAY_SET = "admin_panel.change_adminsetting"


class SettingRefused(Refused):
    """Nothing was set; the code says why."""

    codes = {
        400: {"setting_invalid": "The setting cannot have this value: Ensure this value is at most 3650."},
        409: {"setting_changed": "Somebody has changed this setting meanwhile: look at it again."},
    }


def operator_setting_set(*, actor: Actor, key: str, value: Any, reason: str, based_on: str) -> None:
    """Have a declared setting at ``value`` (JSON); every process obeys it within five seconds.

    ``based_on`` is the ``token`` of the state that the operator saw.

    Raises:
        PermissionDenied: the operator may not change settings.
        SettingRefused
        admin_panel.services.permissions.ReasonMissing
    """
    before = AdminSetting.objects.filter(key=key).first()
    with audited(
        actor,
        action="setting.set",
        resource=_resource(key),
        old={"value": _told(before, key)},
        new={"value": value, "reason": reason},
    ):
        require_permission(actor, MAY_SET)
        require_reason(reason)
        setting = SETTINGS[key]
        try:
            parsed = setting.parse(value)
        except InvalidSetting as error:
            raise SettingRefused("setting_invalid", f"The setting cannot have this value: {error}") from error
        _refuse_other(before, based_on)
        fields = {"value": parsed, "description": setting.about, "updated_by": actor.admin_id}
        try:
            with transaction.atomic(using=ALIAS):
                found = _locked(key, based_on)
                if found is None:
                    AdminSetting.objects.create(key=key, **fields)
                else:
                    AdminSetting.objects.filter(pk=found.pk).update(**fields, updated_at=timezone.now())
        except IntegrityError as error:
            raise _changed() from error
        forget_settings()


def operator_setting_reset(*, actor: Actor, key: str, reason: str, based_on: str) -> None:
    """Have a setting at its default; a row that nothing reads is gone then.

    Raises:
        PermissionDenied: the operator may not change settings.
        SettingRefused: ``setting_changed``
        admin_panel.services.permissions.ReasonMissing
    """
    before = AdminSetting.objects.filter(key=key).first()
    with audited(
        actor,
        action="setting.reset",
        resource=_resource(key),
        old={"value": _told(before, key)},
        new={"value": _told(None, key), "reason": reason},
    ):
        require_permission(actor, MAY_SET)
        require_reason(reason)
        _refuse_other(before, based_on)
        with transaction.atomic(using=ALIAS):
            found = _locked(key, based_on)
            if found is not None:
                found.delete()
        forget_settings()


def _locked(key: str, based_on: str) -> AdminSetting | None:
    """The row, held fast, as it was when the operator looked. Raises SettingRefused: it no longer is."""
    found = AdminSetting.objects.select_for_update().filter(key=key).first()
    _refuse_other(found, based_on)
    return found


def _refuse_other(row: AdminSetting | None, based_on: str) -> None:
    if token_of(row) != based_on:
        raise _changed()


def _changed() -> SettingRefused:
    return SettingRefused("setting_changed", SettingRefused.codes[409]["setting_changed"], status=409)


def _told(row: AdminSetting | None, key: str) -> Any:
    """What the trail keeps: the value, or the default with its name."""
    if row is not None:
        return row.value
    return f"{SETTINGS[key].text(SETTINGS[key].default)} ({DEFAULT})" if key in SETTINGS else None


def _resource(key: str) -> Resource:
    return Resource(resource_type(AdminSetting), key)
