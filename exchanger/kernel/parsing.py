"""What the body of a request may hold."""

from math import isfinite
from typing import Any, Final

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

DEEPEST: Final = 32
"""Lists and objects in one another."""


class BodyParser(JSONParser):
    """JSON, without what PostgreSQL and an answer cannot hold: halves of surrogate pairs, and numbers without an end.

    Nor are there lists in lists beyond DEEPEST: whoever walks through them would run out of stack.
    """

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            said = super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise _refusal("it is nested too deeply") from error
        _check(said, DEEPEST)
        return said


def _check(said: Any, levels: int) -> None:
    match said:
        case str():
            if any("\ud800" <= letter <= "\udfff" for letter in said):
                raise _refusal("half of a surrogate pair is no text")
        case float():
            if not isfinite(said):
                raise _refusal("a number is too large")
        case dict() | list():
            if not levels:
                raise _refusal("it is nested too deeply")
            for item in said:
                _check(item, levels - 1)
            if isinstance(said, dict):
                for item in said.values():
                    _check(item, levels - 1)


def _refusal(problem: str) -> ParseError:
    return ParseError(f"JSON parse error - {problem}")
