"""Views of what is the asking person's own."""

from typing import TypeVar

from django.db.models import Model, QuerySet
from rest_framework.generics import GenericAPIView

M = TypeVar("M", bound=Model)


class OwnRows(GenericAPIView[M]):
    """A view whose rows follow from who asks. ``queryset`` is an empty one, for the description, which nobody asks."""

    def get_queryset(self) -> QuerySet[M]:
        if getattr(self, "swagger_fake_view", False):
            return super().get_queryset()
        return self.own_rows()

    def own_rows(self) -> QuerySet[M]:
        """The rows that the request's person may see."""
        raise NotImplementedError
