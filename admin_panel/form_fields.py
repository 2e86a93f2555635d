"""Fields that several of the operators' forms have."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from admin_panel.services.permissions import REASON_LENGTH
from bot.messages import TEXT_LIMIT, is_sendable
from exchanger.kernel.money.pairs import Pair, WrongPair


class PairField(forms.CharField):
    """Two currencies, as ``USD/UAH``; where the field may be empty, None."""

    widget = UnfoldAdminTextInputWidget

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=21, **options)

    def clean(self, value: Any) -> Pair | None:
        text = super().clean(value)
        try:
            return Pair.parse(text) if text else None
        except WrongPair as error:
            raise forms.ValidationError(str(error)) from error


class ReasonField(forms.CharField):
    """Why something is done."""

    widget = UnfoldAdminTextInputWidget

    def __init__(self) -> None:
        super().__init__(max_length=REASON_LENGTH, help_text="For the audit trail.")


class SendableField(forms.CharField):
    """A message's text, as Telegram takes it."""

    widget = UnfoldAdminTextareaWidget(attrs={"rows": 5})

    def to_python(self, value: Any) -> str:
        return (super().to_python(value) or "").replace("\r\n", "\n")

    def validate(self, value: str) -> None:
        super().validate(value)
        if value and not is_sendable(value):
            raise forms.ValidationError(f"Telegram takes at most {TEXT_LIMIT} characters.")
