"""The base of every factory: what a test finds there already was made by the schema's owner, not by its context."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import factory

as_owner: Callable[[], AbstractContextManager[None]] = nullcontext  # tests put the owner's connections here


class OwnedFactory(factory.django.DjangoModelFactory):
    """Creates rows as the owner, so that a context's login needs no rights for the sake of a test."""

    class Meta:
        abstract = True

    @classmethod
    def _create(cls, model_class: type[Any], *args: Any, **kwargs: Any) -> Any:
        with as_owner():
            return super()._create(model_class, *args, **kwargs)  # type: ignore[no-untyped-call]
