from django import forms

from exchanger.kernel.filters import MomentField
from web.history import INTERVALS


class HistoryForm(forms.Form):
    """The query of a rate's history; ``since`` and ``until`` are moments as ISO 8601."""

    since = MomentField(required=False)
    until = MomentField(required=False)
    interval = forms.ChoiceField(choices=[(name, name) for name in INTERVALS], required=False)
