"""How each setting stands: what is in force, what its row holds, and what is wrong with it."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from admin_panel.adapter import AdminAdapter
from admin_panel.declared_settings import SETTINGS, InvalidSetting, Setting
from admin_panel.models import AdminSetting

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class SettingState:
    """A declared setting with its row, if it has one; or a row whose key nobody has declared.

    ``value`` is what is in force, and ``problem`` says why the row's value is not.
    """

    key: str
    setting: Setting[Any] | None
    row: AdminSetting | None
    value: Any
    problem: str

    @property
    def token(self) -> str:
        """What tells two states of the setting apart: who changes it says which one they began from."""
        return token_of(self.row)

    @property
    def in_force(self) -> str:
        """What is in force, as people read it; nothing where nobody reads the setting."""
        return "–" if self.setting is None else self.setting.text(self.value)

    @property
    def default(self) -> str:
        return "–" if self.setting is None else self.setting.text(self.setting.default)

    @property
    def is_default(self) -> bool:
        return self.row is None

    @property
    def updated_by(self) -> UUID | None:
        return None if self.row is None else self.row.updated_by

    @property
    def updated_at(self) -> datetime | None:
        return None if self.row is None else self.row.updated_at


def token_of(row: AdminSetting | None) -> str:
    if row is None:
        return DEFAULT
    return hashlib.sha256(json.dumps(row.value, sort_keys=True).encode()).hexdigest()[:32]


def setting_states() -> list[SettingState]:
    """All that are declared, and all that stand in the table without being so, by key; one statement."""
    rows = {row.key: row for row in AdminAdapter().find_settings()}
    return [_state(key, rows.get(key)) for key in sorted({*SETTINGS, *rows})]


def setting_state(key: str) -> SettingState | None:
    """One of them; None where the key is neither declared nor in the table, whose text holds no NUL."""
    if "\0" in key:
        return None
    row = AdminAdapter().find_settings().filter(key=key).first()
    return None if row is None and key not in SETTINGS else _state(key, row)


def _state(key: str, row: AdminSetting | None) -> SettingState:
    setting = SETTINGS.get(key)
    if setting is None:
        return SettingState(key, None, row, None, "Nothing reads a setting of this name.")
    if row is None:
        return SettingState(key, setting, None, setting.default, "")
    try:
        return SettingState(key, setting, row, setting.parse(row.value), "")
    except InvalidSetting as error:
        return SettingState(key, setting, row, setting.default, f"It cannot be obeyed, so the default is: {error}")
