"""The database router, closed both ways: a model goes to its app's database or the query raises."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Model

from exchanger.kernel.contexts import APP_ALIAS, JOB_ALIASES, JOB_APP


class Router:
    """Routes by app label; relations across databases are refused, so a link there is a plain UUID."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str:
        return self._alias(model._meta.app_label)

    db_for_write = db_for_read

    def allow_relation(self, one: Model, other: Model, **hints: Any) -> bool:
        return self._alias(one._meta.app_label) == self._alias(other._meta.app_label)

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        if app_label == JOB_APP:
            return db in JOB_ALIASES
        return APP_ALIAS.get(app_label) == db

    def _alias(self, app_label: str) -> str:
        if app_label == JOB_APP and settings.PROCRASTINATE_DATABASE_ALIAS:
            return settings.PROCRASTINATE_DATABASE_ALIAS
        try:
            return APP_ALIAS[app_label]
        except KeyError:
            raise ImproperlyConfigured(
                f"No database is declared for app '{app_label}': name it in APP_ALIAS of exchanger/kernel/contexts.py."
            ) from None
