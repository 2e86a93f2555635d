from typing import Any

from django.http import HttpRequest
from unfold.views import ChangeList

from admin_panel.panel.people import attach_people


class PanelChangeList(ChangeList):
    """A list in the order of its index, read by a bounded number of statements."""

    def get_ordering(self, request: HttpRequest, queryset: Any) -> list[str]:
        """The list's own; sorting a million rows by another column is not on offer, whatever the address says."""
        return list(self.model_admin.get_ordering(request))

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.full_result_count = self.result_count  # unfold's header would offer to show what is shown already
        if self.model_admin.person_field:
            attach_people(request, self.result_list, self.model_admin.person_field)
