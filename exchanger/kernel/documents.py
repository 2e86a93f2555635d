"""What documents that people write are checked by."""

from collections.abc import Iterator, Mapping
from typing import Any

from rest_framework import serializers


class StrictSerializer(serializers.Serializer[Any]):
    """A key that is not known is a mistake: a rule that somebody meant, and that would not be obeyed."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := sorted(set(data) - set(self.fields))):
            raise serializers.ValidationError({str(key): ["There is no such key."] for key in unknown})
        return super().to_internal_value(data)


class InvalidDocument(ValueError):
    """A document that cannot be obeyed; ``problems`` says per key what must change."""

    def __init__(self, problems: Mapping[str, Any]) -> None:
        super().__init__(f"The configuration document needs changes: {dict(problems)}")
        self.problems = problems


def told(problem: Any, where: str = "") -> Iterator[str]:
    """A serializer's errors, each a line that says where."""
    if isinstance(problem, Mapping):
        for key, inner in problem.items():
            yield from told(inner, f"{where}{key}: ")
    elif isinstance(problem, list):
        for inner in problem:
            yield from told(inner, where)
    else:
        yield f"{where}{problem}"
