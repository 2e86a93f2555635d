"""How the audit trail names what was changed."""

import re
from typing import NamedTuple, Self

from django.db.models import Model


class Resource(NamedTuple):
    """What an entry of the trail is about; ``id`` is None where it is no single row."""

    type: str
    id: str | None = None

    @classmethod
    def of(cls, row: Model) -> Self:
        return cls(resource_type(row._meta.model), str(row.pk))


def resource_type(model: type[Model]) -> str:
    """The ``resource_type`` of a model's rows: ``ExchangeRate`` → ``exchange_rate``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", model.__name__).lower()
