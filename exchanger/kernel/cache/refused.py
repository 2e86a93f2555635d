"""The cache of a maintenance process: there is none."""

from typing import Any, NoReturn

from django.core.cache.backends.base import BaseCache

from exchanger.kernel.contexts import NoContext


class RefusedCache(BaseCache):
    """Raises NoContext whatever it is asked; only ``close``, which Django calls by itself, is allowed."""

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise NoContext

    add = get = set = touch = delete = clear = has_key = incr = get_many = set_many = delete_many = _refuse
