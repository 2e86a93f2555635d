"""How the audit trail names what was changed."""

import re

from django.db.models import Model


def resource_type(model: type[Model]) -> str:
    """The ``resource_type`` of a model's rows: ``ExchangeRate`` → ``exchange_rate``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", model.__name__).lower()
