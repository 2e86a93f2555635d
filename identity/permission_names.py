"""Which permissions there are to grant in each context."""

from functools import cache

from django.apps import apps
from django.contrib.auth import get_permission_codename
from django.db.models.options import Options

from exchanger.kernel.cache.invalidation import PendingInvalidation
from exchanger.kernel.contexts import IDENTITY, SPECS, Context
from identity.models.permission import SUPERUSER

# What applications ask for by a name that is no model's.
NAMED: dict[Context, frozenset[str]] = {
    Context.WEB: frozenset(),
    Context.ADMIN: frozenset(),
    Context.TELEGRAM: frozenset({"bot.view_all"}),
}


@cache
def known_permissions(context: Context) -> frozenset[str]:
    """The names that mean something in ``context``: ``*``, those of its models, and its own.

    Operators work on every application's models, so in the admin context all of them count.
    """
    labels = [IDENTITY, *(spec.app for spec in SPECS.values())] if context is Context.ADMIN else [SPECS[context].app]
    models = [model for label in labels for model in apps.get_app_config(label).get_models()]
    of_models = {
        f"{model._meta.app_label}.{codename}"
        for model in models
        if not issubclass(model, PendingInvalidation)
        for codename in _codenames(model._meta)
    }
    return NAMED[context] | of_models | {SUPERUSER}


def _codenames(options: Options) -> list[str]:
    actions = [get_permission_codename(action, options) for action in options.default_permissions]
    return [*actions, *(codename for codename, _ in options.permissions)]
