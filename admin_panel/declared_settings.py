"""The operators' settings: every one that the code reads is declared below, in one line, and read by ``read_setting``.

A row of ``admin_settings`` says what differs from the default. What cannot be read there counts as if it were not.
"""

import logging
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from rest_framework import serializers

from admin_panel.adapter import AdminAdapter
from exchanger.kernel.documents import StrictSerializer, told
from exchanger.kernel.published import RecentCopy

logger = logging.getLogger(__name__)

T = TypeVar("T")


class InvalidSetting(ValueError):
    """A value that a setting cannot have; the message says why."""


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """What there is to set. ``field`` says which values it can have; ``unit`` is empty for what has none."""

    key: str
    default: T
    field: serializers.Field[Any, Any, Any, Any]
    unit: str
    about: str

    @property
    def kind(self) -> str:
        """``integer`` or ``boolean``, as JSON Schema calls them."""
        return "boolean" if isinstance(self.field, serializers.BooleanField) else "integer"

    @property
    def least(self) -> int | None:
        return getattr(self.field, "min_value", None)

    @property
    def most(self) -> int | None:
        return getattr(self.field, "max_value", None)

    @property
    def schema(self) -> type[StrictSerializer]:
        """The document ``{"value": …}``, of which a form is made."""
        return type("SettingSerializer", (StrictSerializer,), {"value": self.field})

    def text(self, value: T) -> str:
        """A value as people read it: ``90 days``, ``on``."""
        if isinstance(value, bool):
            return "on" if value else "off"
        return f"{value} {self.unit}".strip()

    def parse(self, value: Any) -> T:
        """The value that JSON states.

        Raises:
            InvalidSetting
        """
        form = self.schema(data={"value": value})
        if not form.is_valid():
            raise InvalidSetting(" ".join(told(form.errors["value"])))
        parsed: T = form.validated_data["value"]
        return parsed


SETTINGS: dict[str, Setting[Any]] = {}


def read_setting(setting: Setting[T]) -> T:
    """What is in force, at most five seconds old; where the table holds a value that cannot be obeyed, the default."""
    stored = _recent.get()
    if setting.key not in stored:
        return setting.default
    try:
        return setting.parse(stored[setting.key])
    except InvalidSetting as error:
        logger.error("The setting %s cannot be obeyed, so its default is: %s", setting.key, error)  # noqa: TRY400
        return setting.default


def forget_settings() -> None:
    """Let the next look see what this process has just set."""
    _recent.forget()


def _stored() -> dict[str, Any]:
    return dict(AdminAdapter().find_settings().values_list("key", "value"))


_recent = RecentCopy(_stored)


def _declare(setting: Setting[T]) -> Setting[T]:
    SETTINGS[setting.key] = setting
    return setting


def _number(key: str, default: int, *, least: int, most: int, unit: str, about: str) -> Setting[int]:
    field = serializers.IntegerField(min_value=least, max_value=most, help_text=f"In {unit}, {least} to {most}.")
    return _declare(Setting(key, default, field, unit, about))


def _switch(key: str, default: bool, *, about: str) -> Setting[bool]:
    return _declare(Setting(key, default, serializers.BooleanField(), "", about))


# --- What there is: declared here, and obeyed by ``read_setting(…)`` wherever it is asked -----------------------------

KEEP_REPORTS = _number(
    "reports.keep_days", 90, least=1, most=3650, unit="days",
    about="How long the files of reports are kept.",
)  # fmt: skip
SCHEDULED_REPORTS = _switch(
    "reports.scheduled", True,
    about="Whether the schedule has yesterday's turnover and last month's ledger made.",
)  # fmt: skip
KEEP_MINUTES = _number(
    "metrics.keep_minutes_hours", 48, least=1, most=744, unit="hours",
    about="How long the platform's measurements are kept minute by minute.",
)  # fmt: skip
KEEP_FINE = _number(
    "metrics.keep_fine_days", 30, least=1, most=366, unit="days",
    about="How long they are kept in steps of five minutes.",
)  # fmt: skip
KEEP_HOURLY = _number(
    "metrics.keep_hourly_days", 365, least=1, most=3650, unit="days",
    about="How long they are kept in steps of an hour; then they are deleted.",
)  # fmt: skip
