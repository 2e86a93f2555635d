"""The applications whose configuration operators write, and what that takes in each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rest_framework import serializers

from exchanger.kernel.contexts import Context
from web.configuration import KEY, WebConfiguration
from web.document import DocumentSerializer
from web.models import PublishedConfiguration
from web.services.configuration import configuration_publish


@dataclass(frozen=True, slots=True)
class Target:
    """Where a context's configuration goes: its schema, how it is put into force, and what is in force there."""

    schema: type[serializers.Serializer[Any]]
    parse: Callable[..., object]
    publish: Callable[..., object]
    in_force: Callable[[], PublishedConfiguration | None]


TARGETS: Mapping[Context, Target] = {
    Context.WEB: Target(
        DocumentSerializer,
        WebConfiguration.parse,
        configuration_publish,
        lambda: PublishedConfiguration.objects.filter(key=KEY).first(),
    ),
}
