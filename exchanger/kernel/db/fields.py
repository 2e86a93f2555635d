"""Column types exactly as the schema's source names them."""

import uuid
from typing import Any

from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from exchanger.kernel.db.functions import TransactionNow


class VarCharField(models.CharField):
    """``character varying(n)`` under its standard name, which spares the extra ``_like`` index of a unique column."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return f"character varying({self.max_length})"


def uuid_key() -> models.UUIDField:
    """A UUID primary key, made by Python when it can (bulk inserts) and by PostgreSQL otherwise."""
    return models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)


def timestamp(**options: Any) -> models.DateTimeField:
    """A ``timestamptz`` (UTC) that PostgreSQL stamps with ``now()``."""
    return models.DateTimeField(db_default=TransactionNow(), editable=False, **options)


def decimal_amount(**options: Any) -> models.DecimalField:
    """``DECIMAL(18, 8)``: an amount or a rate in units of its currency, never a float."""
    return models.DecimalField(max_digits=18, decimal_places=8, **options)
