from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from unfold.decorators import display

Method = TypeVar("Method", bound=Callable[..., Any])


def column(
    title: str, *, labels: Mapping[str, str] | None = None, boolean: bool | None = None
) -> Callable[[Method], Method]:
    """A method of a ModelAdmin as a column: unfold's ``display``, typed.

    ``labels`` makes a badge of each value, coloured info, success, warning, danger or primary by its name.
    """

    def decorate(method: Method) -> Method:
        return cast(Method, display(method, description=title, label=labels, boolean=boolean))

    return decorate
