from typing import Any, cast

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property

MOST = 10_000


class BoundedPaginator(Paginator):
    """Counts no further than MOST rows, and pages no deeper: whoever looks for more narrows the list by a filter."""

    template_name = "admin_panel/pagination.html"

    @cached_property
    def count(self) -> int:
        """How many rows there are, and MOST where there are more."""
        return min(self._counted, MOST)

    @property
    def count_text(self) -> str:
        """``1,234``, or ``10,000+``."""
        return f"{self.count:,}{'+' if self._counted > MOST else ''}"

    @cached_property
    def _counted(self) -> int:
        rows = cast(QuerySet[Any], self.object_list).order_by()
        return rows[: MOST + 1].count()
