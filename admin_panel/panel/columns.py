from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from django.utils.text import Truncator
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
