from typing import Any

from rest_framework import serializers


class TextField(serializers.CharField):
    """Text that came as text: a number or a truth value in its place is refused, where DRF would write it out."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class TruthField(serializers.BooleanField):
    """A truth value that came as one, where DRF would take ``"yes"`` and ``0`` for it."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data
