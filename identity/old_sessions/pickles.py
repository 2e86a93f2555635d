"""Django's cache keeps pickles. A pickle is a program: this one may only build plain values, and calls nothing."""

import io
import pickle
from typing import Any, NoReturn


def plain_values(data: bytes) -> Any:
    """What a pickle of dicts, lists, strings, numbers and the like holds.

    Raises:
        ValueError: it names anything else, a class or a function, or is no pickle.
    """
    try:
        return _PlainUnpickler(io.BytesIO(data)).load()
    except Exception as error:  # a damaged pickle fails in any way it likes
        raise ValueError("not a pickle of plain values") from error


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"{module}.{name} is no plain value")
