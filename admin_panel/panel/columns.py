import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar, cast

from django.db.models import JSONField, Model
from django.utils.html import format_html
from django.utils.text import Truncator, capfirst
from unfold.decorators import display

Method = TypeVar("Method", bound=Callable[..., Any])


PREVIEW = 80  # characters


def preview_text(content: Any) -> str:
    """The text of a message, or the beginning of whatever else is kept as JSON."""
    text = content.get("text", content) if isinstance(content, dict) else content
    return Truncator(str(text)).chars(PREVIEW)


def column(
    title: str, *, labels: Mapping[str, str] | None = None, boolean: bool | None = None
) -> Callable[[Method], Method]:
    """A method of a ModelAdmin as a column: unfold's ``display``, typed.

    ``labels`` makes a badge of each value, coloured info, success, warning, danger or primary by its name.
    """

    def decorate(method: Method) -> Method:
        return cast(Method, display(method, description=title, label=labels, boolean=boolean))

    return decorate


@cache
def shown_field(model: type[Model], name: str) -> str | Callable[[Any], str]:
    """A field for a page that only shows; JSON is laid out without the skin's colours, which are style attributes."""
    field = next((field for field in model._meta.concrete_fields if field.name == name), None)
    if not isinstance(field, JSONField):
        return name

    def shown(row: Any) -> str:
        value = getattr(row, name)
        if value is None:
            return "-"
        return format_html(
            "<pre>{}</pre>", json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True, default=str)
        )

    return cast(Callable[[Any], str], display(shown, description=capfirst(field.verbose_name)))
